//! The people in the personal columns. None of them may be seen in any output of the pipeline.

use super::dice::{Dice, Stream};
use super::identity::identity_number;

/// A fixed cast of made-up people: their names, phones and identity numbers are the canaries.
#[derive(Debug)]
pub struct People {
    people: Vec<Person>,
}

#[derive(Debug)]
pub struct Person {
    /// Surname and given name that no place, product or enterprise of the simulation shares.
    pub name: String,
    /// Mobile number of the series 137 0396.
    pub phone: String,
    /// Identity number with a valid check character.
    pub identity: String,
}

const SURNAMES: [&str; 6] = ["皇甫", "欧阳", "令狐", "尉迟", "公孙", "慕容"];
const GIVEN: [&str; 4] = ["砚璟", "沚澜", "骥骁", "翀霁"];

impl People {
    /// The cast is the same for every seed, so that a test can name its members.
    pub fn new() -> People {
        let mut dice = Dice::new(0, Stream::Plan, u64::MAX);
        let names =
            SURNAMES.iter().flat_map(|surname| GIVEN.iter().map(move |given| format!("{surname}{given}")));
        let person = |(number, name)| Person {
            name,
            phone: format!("1370396{:04}", 1009 + 37 * number),
            identity: identity_number(&mut dice),
        };
        People { people: names.enumerate().map(person).collect() }
    }

    pub fn anyone(&self, dice: &mut Dice) -> &Person {
        &self.people[dice.below(self.people.len() as u64) as usize]
    }

    /// Every text that must appear in no output.
    pub fn canaries(&self) -> Vec<String> {
        let names = self.people.iter().map(|person| person.name.clone());
        let phones = self.people.iter().map(|person| person.phone.clone());
        let identities = self.people.iter().map(|person| person.identity.clone());
        names.chain(phones).chain(identities).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn canaries_are_distinct() {
        let canaries = People::new().canaries();
        let distinct: std::collections::BTreeSet<&String> = canaries.iter().collect();
        assert_eq!(distinct.len(), 72);
        assert_eq!(canaries.len(), 72);
    }
}
