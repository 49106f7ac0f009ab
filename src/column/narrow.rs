/// Whole numbers in as few bytes each as all of them need: equal numbers are kept alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Narrow(Form);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Form {
    One(Vec<u8>),
    Two(Vec<u16>),
    Four(Vec<u32>),
    Eight(Vec<i64>),
}

/// The same for each of the forms.
macro_rules! each {
    ($narrow:expr, $numbers:ident => $body:expr) => {
        match &$narrow.0 {
            Form::One($numbers) => $body,
            Form::Two($numbers) => $body,
            Form::Four($numbers) => $body,
            Form::Eight($numbers) => $body,
        }
    };
}

fn wide<T: Copy + Into<i64>>(number: &T) -> i64 {
    (*number).into()
}

impl Default for Narrow {
    fn default() -> Narrow {
        Narrow(Form::One(Vec::new()))
    }
}

impl Narrow {
    pub fn len(&self) -> usize {
        each!(self, numbers => numbers.len())
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number at a place, which must be there.
    pub fn get(&self, place: usize) -> i64 {
        each!(self, numbers => wide(&numbers[place]))
    }

    /// Likewise, of codes.
    pub fn code(&self, place: usize) -> usize {
        self.get(place) as usize
    }

    pub fn iter(&self) -> impl Iterator<Item = i64> {
        (0..self.len()).map(|place| self.get(place))
    }

    pub fn for_each(&self, mut take: impl FnMut(usize, i64)) {
        each!(self, numbers => numbers.iter().enumerate().for_each(|(place, number)| take(place, wide(number))))
    }

    /// Brings each target the number at its place; the first target is that of a place further down.
    pub fn bring<T>(&self, from: usize, targets: &mut [T], mut take: impl FnMut(&mut T, i64)) {
        each!(self, numbers => numbers.iter().skip(from).zip(targets).for_each(|(number, target)| take(target, wide(number))))
    }

    /// What is made of each number.
    pub fn map<T>(&self, mut make: impl FnMut(i64) -> T) -> Vec<T> {
        each!(self, numbers => numbers.iter().map(|number| make(wide(number))).collect())
    }

    /// What each code stands for.
    pub fn among<T: Copy>(&self, values: &[T]) -> Vec<T> {
        self.map(|code| values[code as usize])
    }

    /// The numbers at some places.
    pub fn take(&self, places: &[u32]) -> Narrow {
        fn at<T: Copy>(numbers: &[T], places: &[u32]) -> Vec<T> {
            places.iter().map(|place| numbers[*place as usize]).collect()
        }
        let taken = match &self.0 {
            Form::One(numbers) => Form::One(at(numbers, places)),
            Form::Two(numbers) => Form::Two(at(numbers, places)),
            Form::Four(numbers) => Form::Four(at(numbers, places)),
            Form::Eight(numbers) => Form::Eight(at(numbers, places)),
        };
        Narrow(taken).fitted()
    }

    /// Codes under other names.
    pub fn renamed(&self, names: &[u32]) -> Narrow {
        let most = names.iter().max().map_or(0, |most| i64::from(*most));
        self.made(0, most, |code| i64::from(names[code as usize])).fitted()
    }

    /// What is made of each number, which lies between these ends.
    fn made(&self, least: i64, most: i64, make: impl Fn(i64) -> i64) -> Narrow {
        Narrow(match (least < 0, most) {
            (false, ..=0xff) => Form::One(self.map(|number| make(number) as u8)),
            (false, ..=0xffff) => Form::Two(self.map(|number| make(number) as u16)),
            (false, ..=0xffff_ffff) => Form::Four(self.map(|number| make(number) as u32)),
            _ => Form::Eight(self.map(make)),
        })
    }

    /// The same numbers in no more bytes than they need.
    fn fitted(self) -> Narrow {
        let ends = each!(self, numbers => numbers.iter().min().zip(numbers.iter().max())
            .map(|(least, most)| (wide(least), wide(most))));
        let (least, most) = ends.unwrap_or_default();
        let is_fitted = match &self.0 {
            Form::One(_) => true,
            Form::Two(_) => most > 0xff,
            Form::Four(_) => most > 0xffff,
            Form::Eight(_) => least < 0 || most > 0xffff_ffff,
        };
        if is_fitted { self } else { self.made(least, most, |number| number) }
    }

    /// Adds other numbers behind these.
    pub fn append(&mut self, others: &Narrow) {
        match (&mut self.0, &others.0) {
            (Form::One(own), Form::One(others)) => own.extend_from_slice(others),
            (Form::Two(own), Form::Two(others)) => own.extend_from_slice(others),
            _ => others.for_each(|_, number| self.push(number)),
        }
    }

    /// Adds what codes are called behind these.
    pub fn extend(&mut self, codes: &[u32], names: &[u32]) {
        let named = codes.iter().map(|code| names[*code as usize]);
        let most = named.clone().max().map_or(0, i64::from);
        while !self.has_room_for(most) {
            self.widen();
        }
        match &mut self.0 {
            Form::One(own) => own.extend(named.map(|name| name as u8)),
            Form::Two(own) => own.extend(named.map(|name| name as u16)),
            Form::Four(own) => own.extend(named),
            Form::Eight(own) => own.extend(named.map(i64::from)),
        }
    }

    /// Whether a number from zero on takes no more than the others.
    fn has_room_for(&self, number: i64) -> bool {
        match &self.0 {
            Form::One(_) => number <= 0xff,
            Form::Two(_) => number <= 0xffff,
            Form::Four(_) => number <= 0xffff_ffff,
            Form::Eight(_) => true,
        }
    }

    pub fn push(&mut self, number: i64) {
        let fits = match &mut self.0 {
            Form::One(numbers) => u8::try_from(number).map(|number| numbers.push(number)).is_ok(),
            Form::Two(numbers) => u16::try_from(number).map(|number| numbers.push(number)).is_ok(),
            Form::Four(numbers) => u32::try_from(number).map(|number| numbers.push(number)).is_ok(),
            Form::Eight(numbers) => {
                numbers.push(number);
                true
            }
        };
        if !fits {
            self.widen();
            self.push(number);
        }
    }

    fn widen(&mut self) {
        fn to<T: Copy, U: From<T>>(numbers: &[T]) -> Vec<U> {
            let mut wide = Vec::with_capacity(numbers.len().next_power_of_two());
            wide.extend(numbers.iter().map(|number| U::from(*number)));
            wide
        }
        self.0 = match &self.0 {
            Form::One(numbers) => Form::Two(to(numbers)),
            Form::Two(numbers) => Form::Four(to(numbers)),
            Form::Four(numbers) => Form::Eight(to(numbers)),
            Form::Eight(_) => return,
        };
    }
}

impl From<&[u32]> for Narrow {
    fn from(codes: &[u32]) -> Narrow {
        Narrow(match codes.iter().max() {
            None | Some(..=0xff) => Form::One(codes.iter().map(|code| *code as u8).collect()),
            Some(..=0xffff) => Form::Two(codes.iter().map(|code| *code as u16).collect()),
            Some(_) => Form::Four(codes.to_vec()),
        })
    }
}

impl FromIterator<i64> for Narrow {
    fn from_iter<I: IntoIterator<Item = i64>>(numbers: I) -> Narrow {
        let numbers = numbers.into_iter();
        let mut narrow = Narrow(Form::One(Vec::with_capacity(numbers.size_hint().0)));
        numbers.for_each(|number| narrow.push(number));
        narrow
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_are_kept_whatever_they_need(
            numbers in proptest::collection::vec(
                prop_oneof![20 => 0i64..256, 2 => 0i64..70_000, 1 => 0i64..5_000_000_000, 1 => any::<i64>()], 0..60),
            places in proptest::collection::vec(any::<proptest::sample::Index>(), 0..20),
        ) {
            let narrow: Narrow = numbers.iter().copied().collect();
            prop_assert_eq!(narrow.iter().collect::<Vec<_>>(), numbers.clone());
            prop_assert_eq!(narrow.map(|number| number), numbers.clone());
            let places: Vec<u32> = places.iter().filter(|_| !numbers.is_empty()).map(|at| at.index(numbers.len()) as u32).collect();
            let taken: Vec<i64> = places.iter().map(|place| numbers[*place as usize]).collect();
            prop_assert_eq!(narrow.take(&places), taken.into_iter().collect::<Narrow>());
            let mut twice = narrow.clone();
            twice.append(&narrow.take(&places));
            prop_assert_eq!(twice, narrow.iter().chain(narrow.take(&places).iter()).collect::<Narrow>());
            let names: Vec<u32> = (0..256).map(|code| (code * 517) % 65_539).collect();
            let codes: Narrow = numbers.iter().map(|number| number & 0xff).collect();
            let renamed = numbers.iter().map(|number| i64::from(names[(number & 0xff) as usize]));
            prop_assert_eq!(codes.renamed(&names), renamed.collect::<Narrow>());
            let names_of: Vec<u32> = numbers.iter().map(|number| (number & 0xff) as u32).collect();
            let mut extended = narrow.clone();
            extended.extend(&names_of, &names);
            let named = names_of.iter().map(|code| i64::from(names[*code as usize]));
            prop_assert_eq!(extended, numbers.iter().copied().chain(named).collect::<Narrow>());
            let mut sums = vec![1; 7];
            narrow.bring(3, &mut sums, |sum, number| *sum += i128::from(number));
            let mut expected = vec![1; 7];
            expected.iter_mut().zip(numbers.iter().skip(3)).for_each(|(sum, number)| *sum += i128::from(*number));
            prop_assert_eq!(sums, expected);
            let codes: Vec<u32> = numbers.iter().map(|number| *number as u32).collect();
            prop_assert_eq!(Narrow::from(codes.as_slice()), codes.iter().map(|code| i64::from(*code)).collect());
            let fits = |most: i64| numbers.iter().all(|number| (0..=most).contains(number));
            let is_smallest = match narrow.0 {
                Form::One(_) => fits(u8::MAX.into()),
                Form::Two(_) => !fits(u8::MAX.into()) && fits(u16::MAX.into()),
                Form::Four(_) => !fits(u16::MAX.into()) && fits(u32::MAX.into()),
                Form::Eight(_) => !fits(u32::MAX.into()),
            };
            prop_assert!(is_smallest);
        }
    }
}
