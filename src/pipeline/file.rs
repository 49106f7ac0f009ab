//! The pipeline file: read once, completely, with every problem pointed at.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::civil::Date;
use rust_decimal::Decimal;
use toml::Spanned;
use toml::de::DeTable;

use super::coverage::COVERED;
use super::derive::{Derived, read_derived};
use super::document::{Placed, Problem, Problems, Section, scalar_of, text_of};
use super::indicator_file::{Known, read_cuts, read_indicator};
use super::share::LEAST;
use super::source_file::{SourceFile, read_source};
use crate::cube::{Fact, fact_dimensions};
use crate::indicator::Definition;
use crate::judge::Official;
use crate::model::{TABLES, nearest, table};

pub const ROOT_KEYS: &[&str] = &[
    "pipeline",
    "params",
    "dimensions",
    "population",
    "source",
    "derive",
    "means",
    "share",
    "cuts",
    "indicator",
];
pub const PIPELINE_KEYS: &[&str] = &[
    "name",
    "title_zh",
    "title_en",
    "as_of",
    "region",
    "seeds",
    "max_rejected",
    "official_verdict",
    "pseudonym_key",
];
pub const POPULATION_KEYS: &[&str] = &["basis"];
pub const MEANS_KEYS: &[&str] = &["by"];
pub const SHARE_KEYS: &[&str] = &["least"];
pub const CUTS_KEYS: &[&str] = &["default"];

const OFFICIAL: [(&str, Official); 2] = [("lab", Official::Laboratory), ("judged", Official::Judged)];

/// Columns of the published files and of the lake: no dimension or attribute may be called so.
const RESERVED: [&str; 18] = [
    "indicator",
    "by",
    "period_start",
    "period_end",
    "numerator",
    "denominator",
    "value",
    "unit",
    "lower",
    "upper",
    "status",
    "fact",
    "day",
    "n",
    "month",
    "run",
    "replicate",
    "qualifier",
];

/// A pipeline, ready to run.
#[derive(Debug, Clone)]
pub struct PipelineFile {
    pub path: PathBuf,
    pub text: String,
    pub name: String,
    pub title_zh: String,
    pub title_en: String,
    pub as_of: Option<Date>,
    /// Code of the whole, printed as the scorecard's region.
    pub region: String,
    pub seeds: Option<String>,
    /// Share of rejected rows above which nothing is published.
    pub max_rejected: Option<Decimal>,
    /// File by whose content stand-ins of persons are made.
    pub pseudonym_key: Option<String>,
    /// Whose verdict of a determination counts.
    pub official: Official,
    pub params: BTreeMap<String, String>,
    /// Own dimensions with the table whose rows carry them.
    pub dimensions: Vec<(String, String)>,
    pub population_basis: String,
    pub sources: Vec<SourceFile>,
    /// Dimensions of samples that say how many of their determinations satisfy an expression.
    pub derived: Vec<Derived>,
    /// Columns by which means of results are listed; none where they are not wanted.
    pub means_by: Option<Vec<String>>,
    /// Smallest number but zero that the report to share tells.
    pub least: i64,
    pub indicators: Vec<Definition>,
}

impl PipelineFile {
    /// Attributes of establishments: those that the sources declare and those of coverage, sorted.
    pub fn attributes(&self) -> Vec<String> {
        attributes_of(&self.sources)
    }

    /// Dimensions that an expression or a cut over a fact may name.
    pub fn dimensions_of(&self, fact: Fact) -> Vec<String> {
        fact_dimensions(fact, &self.dimensions, &self.attributes())
    }
}

fn attributes_of(sources: &[SourceFile]) -> Vec<String> {
    let attributes = sources.iter().flat_map(|source| &source.attributes);
    let declared = attributes.map(|attribute| attribute.name.clone());
    let names: BTreeSet<String> = declared.chain(COVERED.map(str::to_owned)).collect();
    names.into_iter().collect()
}

/// A pipeline file that cannot be run, with all its problems.
#[derive(Debug, thiserror::Error)]
#[error("{}: {} problem(s) in the pipeline file", path.display(), problems.len())]
pub struct InvalidPipeline {
    pub path: PathBuf,
    pub text: String,
    pub problems: Vec<Problem>,
}

/// Reads a pipeline from its text.
///
/// # Errors
/// All problems found, each with its place.
pub fn parse(path: &Path, text: &str) -> Result<PipelineFile, InvalidPipeline> {
    let invalid = |problems| InvalidPipeline { path: path.to_owned(), text: text.to_owned(), problems };
    let document = DeTable::parse(text).map_err(|error| {
        let span = error.span().unwrap_or(0..0);
        invalid(vec![Problem { span, message: error.message().to_owned(), help: None }])
    })?;
    let problems = Problems::default();
    let file = read(path, text, &Section::root(&document, &problems));
    let problems = problems.into_inner();
    if problems.is_empty() { Ok(file) } else { Err(invalid(problems)) }
}

fn read(path: &Path, text: &str, root: &Section<'_>) -> PipelineFile {
    root.only(ROOT_KEYS);
    let head = root.section("pipeline");
    let head_text = |key: &str| head.as_ref().and_then(|head| head.text(key)).map(Spanned::into_inner);
    match &head {
        Some(head) => {
            head.only(PIPELINE_KEYS);
            head.required_text("name");
        }
        None if !root.has("pipeline") => {
            root.problem(
                0..0,
                "the file lacks [pipeline]",
                Some("start with [pipeline] and a `name`".to_owned()),
            );
        }
        None => {}
    }
    let dimensions = root.section("dimensions").map(|section| read_dimensions(&section)).unwrap_or_default();
    let mut sources = Vec::new();
    if let Some(section) = root.section("source") {
        for (name, value) in section.entries() {
            let source = section.section_of(name.get_ref(), value);
            sources.extend(source.and_then(|source| read_source(name.get_ref(), &source, &dimensions)));
        }
    }
    let attributes = attributes_of(&sources);
    let every: Vec<String> =
        Fact::ALL.iter().flat_map(|fact| fact_dimensions(*fact, &dimensions, &attributes)).collect();
    let cuts = root.section("cuts").map(|section| {
        section.only(CUTS_KEYS);
        read_cuts(&section, &section.texts("default").unwrap_or_default(), &every)
    });
    let known = Known { dimensions: &dimensions, attributes: &attributes, cuts: &cuts.unwrap_or_default() };
    let mut indicators: Vec<Definition> = Vec::new();
    for section in root.sections("indicator") {
        if let Some(indicator) = read_indicator(&section, &known) {
            if indicators.iter().any(|own| own.id == indicator.id) {
                section.problem(section.span(), format!("there are two indicators `{}`", indicator.id), None);
            }
            indicators.push(indicator);
        }
    }
    let derived =
        root.section("derive").map(|section| read_derived(&section, &dimensions)).unwrap_or_default();
    let population = root.section("population");
    if let Some(population) = &population {
        population.only(POPULATION_KEYS);
    }
    let bases = [("resident", "resident"), ("registered", "registered")];
    PipelineFile {
        path: path.to_owned(),
        text: text.to_owned(),
        name: head_text("name").unwrap_or_default(),
        title_zh: head_text("title_zh").unwrap_or_default(),
        title_en: head_text("title_en").unwrap_or_default(),
        as_of: head.as_ref().and_then(|head| head.date("as_of")),
        region: head_text("region").unwrap_or_default(),
        seeds: head_text("seeds"),
        pseudonym_key: head_text("pseudonym_key"),
        max_rejected: head.as_ref().and_then(read_share),
        official: head.as_ref().and_then(|head| head.word("official_verdict", &OFFICIAL)).unwrap_or_default(),
        params: root.section("params").map(|section| read_params(&section)).unwrap_or_default(),
        population_basis: population
            .and_then(|section| section.word("basis", &bases))
            .unwrap_or("resident")
            .to_owned(),
        means_by: root.section("means").map(|section| read_means(&section, &dimensions)),
        least: root.section("share").map_or(LEAST, |section| read_least(&section)),
        dimensions,
        derived,
        sources,
        indicators,
    }
}

/// Whether a name is taken, which is a problem then.
pub(super) fn is_reserved(section: &Section<'_>, name: &Placed) -> bool {
    let is_taken = RESERVED.contains(&name.get_ref().as_str()) || name.get_ref().ends_with("_scale");
    if is_taken {
        let problem = format!("`{}` has a meaning of its own in our files", name.get_ref());
        section.problem(name.span(), problem, None);
    }
    is_taken
}

fn read_dimensions(section: &Section<'_>) -> Vec<(String, String)> {
    let entries = section.entries().into_iter();
    entries
        .filter_map(|(name, value)| {
            let owner = text_of(value).filter(|owner| table(owner.get_ref()).is_some());
            let own_table = owner.as_ref().and_then(|owner| table(owner.get_ref()));
            if owner.is_none() {
                let known: Vec<&str> = TABLES.iter().map(|table| table.name).collect();
                let help = format!("the table whose rows carry it: {}", known.join(", "));
                section.problem(
                    value.span(),
                    format!("dimension `{}` names its table", name.get_ref()),
                    Some(help),
                );
            }
            if is_reserved(section, &name) {
                return None;
            }
            if own_table.is_some_and(|table| table.column(name.get_ref()).is_some()) {
                section.problem(
                    name.span(),
                    format!("`{}` is already a column of that table", name.get_ref()),
                    None,
                );
                return None;
            }
            Some((name.into_inner(), owner?.into_inner()))
        })
        .collect()
}

/// `[means] by = ["category"]`: columns of determinations or of their samples.
fn read_means(section: &Section<'_>, dimensions: &[(String, String)]) -> Vec<String> {
    section.only(MEANS_KEYS);
    let columns = ["determinations", "samples"].into_iter().filter_map(table).flat_map(|table| table.columns);
    let known: Vec<&str> =
        columns.map(|column| column.name).chain(dimensions.iter().map(|(name, _)| name.as_str())).collect();
    let by = section.texts("by").unwrap_or_default();
    for name in by.iter().filter(|name| !known.contains(&name.get_ref().as_str())) {
        let help =
            nearest(name.get_ref(), known.iter().copied()).map(|near| format!("did you mean `{near}`?"));
        let message = format!("`{}` is no column of determinations or samples", name.get_ref());
        section.problem(name.span(), message, help);
    }
    by.into_iter().map(Spanned::into_inner).filter(|name| name != "analyte").collect()
}

/// `[share] least = 5`.
fn read_least(section: &Section<'_>) -> i64 {
    section.only(SHARE_KEYS);
    let least = section.integer("least").and_then(|least| i64::try_from(least).ok());
    if section.has("least") && !least.is_some_and(|least| (1..=1000).contains(&least)) {
        let message = "`least` is a number from 1 (nothing is kept back) to 1000";
        section.problem(section.span(), message, None);
    }
    least.unwrap_or(LEAST)
}

fn read_params(section: &Section<'_>) -> BTreeMap<String, String> {
    let entries = section.entries().into_iter();
    entries
        .filter_map(|(name, value)| {
            let text = scalar_of(value);
            if text.is_none() {
                section.problem(value.span(), format!("parameter `{}` is one value", name.get_ref()), None);
            }
            Some((name.into_inner(), text?.into_inner()))
        })
        .collect()
}

/// `max_rejected = "5%"`.
fn read_share(head: &Section<'_>) -> Option<Decimal> {
    let text = head.text("max_rejected")?;
    let share = text.get_ref().strip_suffix('%').and_then(|number| number.trim().parse::<Decimal>().ok());
    let share = share.filter(|share| *share >= Decimal::ZERO && *share <= Decimal::ONE_HUNDRED);
    if share.is_none() {
        head.problem(text.span(), "`max_rejected` is a percentage such as \"5%\"", None);
    }
    share
}
