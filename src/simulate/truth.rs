//! What the exports hold, counted from the draws that made them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value, json};

use super::people::People;
use super::{FileSummary, Options};

/// Why a row, a cell or an orphan is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Code {
    MissingValue,
    BadCode,
    BadDate,
    BadNumber,
    UnknownValue,
    BadRow,
    LostExponent,
    BadResult,
    Orphan,
}

impl Code {
    pub fn as_str(self) -> &'static str {
        match self {
            Code::MissingValue => "missing_value",
            Code::BadCode => "bad_code",
            Code::BadDate => "bad_date",
            Code::BadNumber => "bad_number",
            Code::UnknownValue => "unknown_value",
            Code::BadRow => "bad_row",
            Code::LostExponent => "lost_exponent",
            Code::BadResult => "bad_result",
            Code::Orphan => "orphan",
        }
    }
}

/// What must become of a row; every row has exactly one fate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    Accepted,
    Rejected(Code),
    Duplicate,
    Superseded,
}

impl Fate {
    /// The fate of a row with this fault, or without one.
    pub fn of(fault: Option<Code>) -> Fate {
        fault.map_or(Fate::Accepted, Fate::Rejected)
    }
}

/// Rows by their fate.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct Rows {
    pub read: u64,
    pub accepted: u64,
    pub rejected: u64,
    pub duplicate: u64,
    pub superseded: u64,
}

impl Rows {
    fn add(&mut self, other: &Rows) {
        self.read += other.read;
        self.accepted += other.accepted;
        self.rejected += other.rejected;
        self.duplicate += other.duplicate;
        self.superseded += other.superseded;
    }
}

/// Rows of one file and the lines that they add to the list of rejections.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    pub rows: Rows,
    pub lines: BTreeMap<Code, u64>,
}

impl Tally {
    pub fn row(&mut self, fate: Fate) {
        self.rows.read += 1;
        match fate {
            Fate::Accepted => self.rows.accepted += 1,
            Fate::Duplicate => self.rows.duplicate += 1,
            Fate::Superseded => self.rows.superseded += 1,
            Fate::Rejected(code) => {
                self.rows.rejected += 1;
                self.line(code);
            }
        }
    }

    /// One line more, about a cell or an orphan.
    pub fn line(&mut self, code: Code) {
        *self.lines.entry(code).or_default() += 1;
    }

    pub fn add(&mut self, other: &Tally) {
        self.rows.add(&other.rows);
        for (code, count) in &other.lines {
            *self.lines.entry(*code).or_default() += count;
        }
    }
}

macro_rules! figures {
    ($($variant:ident $id:literal)* ; $($more:ident $more_id:literal)*) => {
        /// The figures of the county's document, in its order, and those beside its scorecard.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Figure { $($variant,)* $($more),* }

        impl Figure {
            /// Those of the document.
            pub const ALL: &[Figure] = &[$(Figure::$variant),*];
            /// Those beside the scorecard.
            pub const MORE: &[Figure] = &[$(Figure::$more),*];

            pub fn id(self) -> &'static str {
                match self { $(Figure::$variant => $id,)* $(Figure::$more => $more_id),* }
            }
        }
    };
}

figures! {
    BatchesPerThousand "batches_per_thousand"
    AgriPassRate "agri_pass_rate"
    FoodPassRate "food_pass_rate"
    NationalDisposalRate "national_disposal_rate"
    ProvincialRoutineSamples "provincial_routine_samples"
    MunicipalRoutineSamples "municipal_routine_samples"
    PesticideUseEfficiency "pesticide_use_efficiency"
    FertilizerUseEfficiency "fertilizer_use_efficiency"
    ProducerSelfInspection "producer_self_inspection"
    SafetyManagerAssessment "safety_manager_assessment"
    LicensedProducerInspection "licensed_producer_inspection"
    HaccpAdoption "haccp_adoption"
    Iso22000Adoption "iso22000_adoption"
    SixSAdoption "six_s_adoption"
    BrightKitchenSchools "bright_kitchen_schools"
    BrightKitchenPrimary "bright_kitchen_primary"
    LicensingOnTime "licensing_on_time"
    TraceabilityPoints "traceability_points"
    AnnualReportOnTime "annual_report_on_time"
    ;
    FoodPassRateMixed "food_pass_rate_mixed"
    RiskProblemRate "risk_problem_rate"
    DisposalStarted "disposal_started_rate"
    DisposalStartedOnTime "disposal_started_on_time_rate"
    DisposalFinished "disposal_finished_rate"
    DisposalFinishedOnTime "disposal_finished_on_time_rate"
    BatchesDisposed "batches_disposed_rate"
    BatchesDisposedOnTime "batches_disposed_on_time_rate"
    AgriDetection "agri_detection_rate"
    AgriExceedance "agri_exceedance_rate"
    AgriMultipleResidue "agri_multiple_residue_rate"
    AgriMultipleExceedance "agri_multiple_exceedance_rate"
    ProducersSampled "producers_sampled"
    UnitsSampled "units_sampled"
}

impl Figure {
    /// A pure count has no denominator.
    fn is_count(self) -> bool {
        matches!(
            self,
            Figure::ProvincialRoutineSamples | Figure::MunicipalRoutineSamples | Figure::TraceabilityPoints
        )
    }
}

/// The figures and regions that a run over the exports must find.
#[derive(Debug, Clone, Default)]
pub struct Truth {
    /// Numerator and denominator.
    counted: BTreeMap<Figure, (u64, u64)>,
    regions: BTreeMap<&'static str, u64>,
    /// Names of the enterprises that made, or sold, what was sampled in the year.
    sampled: [BTreeSet<String>; 2],
}

impl Truth {
    /// One more in the denominator, and in the numerator where it `passes`.
    pub fn judge(&mut self, figure: Figure, passes: bool) {
        self.add(figure, u64::from(passes), 1);
    }

    pub fn add(&mut self, figure: Figure, numerator: u64, denominator: u64) {
        let entry = self.counted.entry(figure).or_default();
        entry.0 += numerator;
        entry.1 += denominator;
    }

    /// One more batch, sampled in the township of this code or in none that is known.
    pub fn batch(&mut self, region: Option<&'static str>) {
        self.add(Figure::BatchesPerThousand, 1, 0);
        // Sorts behind the digits of the codes.
        *self.regions.entry(region.unwrap_or("unknown")).or_default() += 1;
    }

    /// Somebody's product was sampled, on somebody's premises.
    pub fn sampled(&mut self, producer: Option<&str>, unit: Option<&str>) {
        for (names, name) in self.sampled.iter_mut().zip([producer, unit]) {
            names.extend(name.map(str::to_owned));
        }
    }

    /// Whether an enterprise is among the producers, and among the units, of the year.
    pub fn was_sampled(&self, name: &str) -> [bool; 2] {
        self.sampled.each_ref().map(|names| names.contains(name))
    }

    /// Numerator and, unless it is a pure count, denominator.
    pub fn figure(&self, figure: Figure) -> (u64, Option<u64>) {
        let (numerator, denominator) = self.counted.get(&figure).copied().unwrap_or_default();
        (numerator, (!figure.is_count()).then_some(denominator))
    }

    /// `truth.json`. The flat export answers two figures only, and of batches the numerator alone.
    pub fn json(&self, options: &Options, as_of: &str, files: &[FileSummary]) -> Value {
        let flat = options.layout == super::Layout::Flat;
        let applies =
            |figure: &Figure| !flat || matches!(figure, Figure::BatchesPerThousand | Figure::FoodPassRate);
        let mut figures = Map::new();
        for figure in Figure::ALL.iter().copied().filter(applies) {
            let (numerator, denominator) = self.figure(figure);
            let denominator = denominator.filter(|_| !(flat && figure == Figure::BatchesPerThousand));
            figures
                .insert(figure.id().to_owned(), json!({"numerator": numerator, "denominator": denominator}));
        }
        let mut more = Map::new();
        for figure in Figure::MORE.iter().copied().filter(|_| !flat) {
            let (numerator, denominator) = self.figure(figure);
            more.insert(figure.id().to_owned(), json!({"numerator": numerator, "denominator": denominator}));
        }
        let mut total = Tally::default();
        let mut by_file = Map::new();
        for file in files {
            total.add(&file.tally);
            by_file.insert(file.name.clone(), json!(file.tally.rows));
        }
        let rejections: Map<String, Value> =
            total.lines.iter().map(|(code, count)| (code.as_str().to_owned(), json!(count))).collect();
        let canaries = if flat { Vec::new() } else { People::new().canaries() };
        json!({
            "as_of": as_of,
            "seed": options.seed,
            "options": {
                "samples": options.samples,
                "months": options.months,
                "layout": options.layout.as_str(),
                "encoding": options.encoding.as_str(),
                "dirt": options.dirt,
            },
            "figures": figures,
            "more": more,
            "rows": total.rows,
            "rejections": rejections,
            "files": by_file,
            "regions": self.regions,
            "canaries": canaries,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_has_one_fate() {
        let mut tally = Tally::default();
        for fate in [Fate::Accepted, Fate::Rejected(Code::BadDate), Fate::Duplicate, Fate::Superseded] {
            tally.row(fate);
        }
        tally.line(Code::Orphan);
        assert_eq!(tally.rows, Rows { read: 4, accepted: 1, rejected: 1, duplicate: 1, superseded: 1 });
        assert_eq!(tally.lines.values().sum::<u64>(), 2);
    }

    #[test]
    fn counts_have_no_denominator() {
        let mut truth = Truth::default();
        truth.add(Figure::TraceabilityPoints, 3, 0);
        truth.judge(Figure::FoodPassRate, true);
        truth.judge(Figure::FoodPassRate, false);
        assert_eq!(truth.figure(Figure::TraceabilityPoints), (3, None));
        assert_eq!(truth.figure(Figure::FoodPassRate), (1, Some(2)));
        assert_eq!(Figure::ALL.len(), 19);
    }
}
