use super::ReferenceError;
use super::record::{Provenance, read};

/// One of the 34 classes by which food is sampled (食品大类).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Category {
    pub number: u8,
    pub name_zh: String,
    pub name_en: String,
    /// First digits of the production licences of the class; none for classes that need no such licence.
    pub licence_class: Option<String>,
    pub provenance: Provenance,
}

pub(super) fn read_categories(file: &str, text: &str) -> Result<Vec<Category>, ReferenceError> {
    read(file, text, |record| {
        Ok(Category {
            number: record.parsed("number", "a whole number", |text| text.parse().ok())?,
            name_zh: record.required("name_zh")?.to_owned(),
            name_en: record.required("name_en")?.to_owned(),
            licence_class: record.optional("licence_class")?.map(str::to_owned),
            provenance: record.provenance()?,
        })
    })
}

#[cfg(test)]
mod tests {
    use crate::reference::Reference;

    #[test]
    fn thirty_four_classes_in_order() {
        let reference = Reference::built_in().expect("seeds");
        let numbers: Vec<u8> = reference.categories.iter().map(|category| category.number).collect();
        assert_eq!(numbers, (1..=34).collect::<Vec<u8>>());
        for (number, name, licence) in [
            (1, "粮食加工品", Some("101")),
            (32, "食品添加剂", Some("201-204")),
            (33, "餐饮食品", None),
            (34, "食用农产品", None),
        ] {
            let category = reference.categories.iter().find(|category| category.number == number);
            let found =
                category.map(|category| (category.name_zh.as_str(), category.licence_class.as_deref()));
            assert_eq!(found, Some((name, licence)), "{number}");
        }
    }

    #[test]
    fn limits_speak_of_these_classes() {
        let reference = Reference::built_in().expect("seeds");
        for limit in reference.limits.iter() {
            assert!(
                reference.categories.iter().any(|category| category.name_zh == limit.category),
                "{}",
                limit.category
            );
        }
    }
}
