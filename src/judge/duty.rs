//! Clocks of disposal duties: until when a step is due, and how it stands on a day.
//!
//! Nothing here is stored. A duty holds dates; how it stands follows from them, from the time limits in force
//! on the day of the notice, and from the day on which one looks.

use jiff::civil::Date;

use crate::column::{Coded, Frame};
use crate::model::{Origin, Value};
use crate::reference::Reference;

/// A step of 核查处置 that has a limit in `seeds/time_limits.csv`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// 启动核查处置
    Start,
    /// 完成核查处置
    Finish,
}

impl Step {
    pub const ALL: [Step; 2] = [Step::Start, Step::Finish];

    pub fn as_str(self) -> &'static str {
        match self {
            Step::Start => "start",
            Step::Finish => "finish",
        }
    }

    fn limit(self) -> &'static str {
        match self {
            Step::Start => "start_disposal",
            Step::Finish => "complete_disposal",
        }
    }

    fn column(self) -> &'static str {
        match self {
            Step::Start => "started_on",
            Step::Finish => "closed_on",
        }
    }
}

/// How a step stands on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Standing {
    OnTime,
    /// Not done, and not yet due.
    Open,
    Late,
    /// Not done, and due before the day.
    Overdue,
}

impl Standing {
    /// A step without a limit is never late. What is done on the last day is on time.
    pub fn of(due_on: Option<Date>, done_on: Option<Date>, as_of: Date) -> Standing {
        match (done_on.filter(|day| *day <= as_of), due_on) {
            (Some(done), Some(due)) if done > due => Standing::Late,
            (Some(_), _) => Standing::OnTime,
            (None, Some(due)) if due < as_of => Standing::Overdue,
            (None, _) => Standing::Open,
        }
    }

    pub fn is_done(self) -> bool {
        matches!(self, Standing::OnTime | Standing::Late)
    }
}

/// The dates of a table of duties.
#[derive(Debug)]
pub struct Clocks<'a> {
    notified: Coded<Value>,
    done: [Coded<Value>; 2],
    extended: Coded<Value>,
    as_of: Date,
    reference: &'a Reference,
}

impl<'a> Clocks<'a> {
    pub fn of(duties: &Frame, as_of: Date, reference: &'a Reference) -> Clocks<'a> {
        Clocks {
            notified: duties.column_or_missing("notified_on"),
            done: Step::ALL.map(|step| duties.column_or_missing(step.column())),
            extended: duties.column_or_missing("extended_to"),
            as_of,
            reference,
        }
    }

    /// Last day on which a step is on time. A written extension replaces the limit of the whole disposal.
    pub fn due_on(&self, row: usize, step: Step) -> Option<Date> {
        let extended = self.extended.get(row).as_date().filter(|_| step == Step::Finish);
        extended.or_else(|| {
            let notified = self.notified.get(row).as_date()?;
            self.reference.time_limits.due(step.limit(), notified, &self.reference.calendar)
        })
    }

    pub fn standing(&self, row: usize, step: Step) -> Standing {
        let [started, closed] = self.done.each_ref().map(|column| column.get(row).as_date());
        let done = match step {
            // A disposal that is finished was started, whether or not anybody wrote down when.
            Step::Start => started.or(closed),
            Step::Finish => closed,
        };
        Standing::of(self.due_on(row, step), done, self.as_of)
    }
}

/// A step that is overdue on the as-of day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Overdue {
    pub sample_code: String,
    pub part: String,
    pub agency: String,
    pub region: String,
    pub level: String,
    pub product: String,
    pub notified_on: Option<Date>,
    pub step: Step,
    pub due_on: Date,
    pub days: i64,
    /// None where the holidays of a year on the way are not known.
    pub working_days: Option<i64>,
    pub origin: Origin,
}

/// Steps overdue on the as-of day, the longest first. Duties of samples that never came are not asked after,
/// nor those whose notice lies behind the day.
pub fn overdue(duties: &Frame, samples: &Frame, as_of: Date, reference: &Reference) -> Vec<Overdue> {
    let clocks = Clocks::of(duties, as_of, reference);
    let [codes, parts, agencies, regions, notified] =
        ["sample_code", "part", "agency", "region", "notified_on"].map(|name| duties.column_or_missing(name));
    let sample_of = samples.rows_of("sample_code", &codes);
    let [levels, products] = ["level", "product"].map(|name| samples.column_or_missing(name));
    let mut listed = Vec::new();
    for row in 0..duties.rows() {
        let notified_on = notified.get(row).as_date();
        let Some(sample) = sample_of[codes.code(row) as usize].map(|sample| sample as usize) else {
            continue;
        };
        if notified_on.is_none_or(|day| day > as_of) {
            continue;
        }
        for step in Step::ALL {
            let Some(due_on) = clocks.due_on(row, step) else { continue };
            if clocks.standing(row, step) != Standing::Overdue {
                continue;
            }
            listed.push(Overdue {
                sample_code: codes.get(row).to_string(),
                part: parts.get(row).to_string(),
                agency: agencies.get(row).to_string(),
                region: regions.get(row).to_string(),
                level: levels.get(sample).to_string(),
                product: products.get(sample).to_string(),
                notified_on,
                step,
                due_on,
                days: i64::from((as_of - due_on).get_days()),
                working_days: reference.calendar.working_days_between(due_on, as_of).ok(),
                origin: duties.origin(row),
            });
        }
    }
    listed.sort_by(|one, other| {
        let key = |own: &Overdue| (std::cmp::Reverse(own.days), own.step.as_str());
        (key(one), &one.sample_code, &one.part).cmp(&(key(other), &other.sample_code, &other.part))
    });
    listed
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use jiff::civil::date;

    use super::*;

    #[test]
    fn a_step_stands_as_its_dates_say() {
        let day = |day: i8| Some(date(2020, 6, day));
        for (due, done, as_of, expected) in [
            (day(10), day(10), 30, Standing::OnTime),
            (day(10), day(11), 30, Standing::Late),
            (day(10), day(11), 10, Standing::Open),
            (day(10), None, 10, Standing::Open),
            (day(10), None, 11, Standing::Overdue),
            (day(10), day(20), 11, Standing::Overdue),
            (None, None, 30, Standing::Open),
            (None, day(29), 30, Standing::OnTime),
        ] {
            assert_eq!(
                Standing::of(due, done, date(2020, 6, as_of)),
                expected,
                "{due:?} {done:?} on {as_of}"
            );
        }
    }

    #[test]
    fn overdue_steps_are_counted_in_days_and_working_days() {
        let reference = Reference::built_in().expect("seeds");
        let empty: Arc<str> = Arc::from("");
        let frame = |rows: usize, columns: &[(&str, Vec<Value>)]| {
            let files = vec![(empty.clone(), empty.clone(), empty.clone())];
            let mut frame = Frame::new(vec![0; rows], (1..=rows as u64).collect(), files);
            for (name, values) in columns {
                frame.set(name, Coded::from_values(values.clone()));
            }
            frame
        };
        let texts = |texts: [&str; 5]| texts.map(Value::text).to_vec();
        let days = |days: [Option<Date>; 5]| days.map(|day| day.map_or(Value::Missing, Value::Date)).to_vec();
        let samples =
            frame(5, &[("sample_code", texts(["A", "B", "C", "D", "E"])), ("product", texts(["面"; 5]))]);
        let duties = frame(
            5,
            &[
                ("sample_code", texts(["A", "B", "C", "D", "Z"])),
                ("part", texts(["production"; 5])),
                (
                    "notified_on",
                    days([
                        Some(date(2020, 6, 20)),
                        Some(date(2020, 3, 1)),
                        Some(date(2020, 3, 1)),
                        Some(date(2020, 7, 2)),
                        Some(date(2020, 1, 1)),
                    ]),
                ),
                ("started_on", days([None, Some(date(2020, 3, 2)), None, None, None])),
                ("extended_to", days([None, None, Some(date(2020, 8, 1)), None, None])),
            ],
        );
        // The Dragon Boat Festival: 25 to 27 June off, Sunday the 28th worked.
        let listed = overdue(&duties, &samples, date(2020, 7, 1), &reference);
        let shown: Vec<String> = listed
            .iter()
            .map(|own| {
                let working = own.working_days.map_or("-".to_owned(), |days| days.to_string());
                format!("{} {} {} {} {working}", own.sample_code, own.step.as_str(), own.due_on, own.days)
            })
            .collect();
        assert_eq!(
            shown,
            ["C start 2020-03-06 117 80", "B finish 2020-05-30 32 22", "A start 2020-06-25 6 4"],
        );
    }
}
