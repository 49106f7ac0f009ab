use jiff::civil::{Date, date};

/// First day of Excel's calendar such that serial 60 is the 29 February 1900 that never was.
const EXCEL_EPOCH: Date = date(1899, 12, 30);

/// A calendar day in any of the spellings that exports use: `2020-03-05`, `2020/3/5`, `2020.3.5`,
/// `20200305`, `2020年3月5日`, each with or without a time of day, or an Excel serial (20000–80000).
///
/// Two-digit years and day-first orders are not guessed. Days outside 1950–2099 are refused.
pub fn parse_date(folded: &str) -> Option<Date> {
    let day = folded.split([' ', 'T']).next()?;
    if day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit()) {
        return civil(&day[..4], &day[4..6], &day[6..]);
    }
    if day.bytes().all(|byte| byte.is_ascii_digit()) && day.len() == 5 {
        let serial: i64 = day.parse().ok()?;
        let in_range = (20_000..80_000).contains(&serial);
        return in_range.then(|| EXCEL_EPOCH.checked_add(jiff::Span::new().days(serial)).ok()).flatten();
    }
    let day = day.strip_suffix('日').or_else(|| day.strip_suffix('号')).unwrap_or(day);
    let mut parts = day.split(['-', '/', '.', '年', '月']);
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    civil(year, month, day)
}

fn civil(year: &str, month: &str, day: &str) -> Option<Date> {
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if ![year, month, day].into_iter().all(digits) {
        return None;
    }
    let year: i16 = year.parse().ok().filter(|year| (1950..2100).contains(year))?;
    Date::new(year, month.parse().ok()?, day.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_or_refused() {
        let march = Some(date(2020, 3, 5));
        for (text, expected) in [
            ("2020-03-05", march),
            ("2020/3/5", march),
            ("2020.3.5", march),
            ("2020年3月5日", march),
            ("2020年03月05号", march),
            ("20200305", march),
            ("2020-03-05 10:20:30", march),
            ("2020-03-05T00:00:00", march),
            ("43895", march),
            ("2020-02-29", Some(date(2020, 2, 29))),
            ("2019-02-29", None),
            ("2020年2月30日", None),
            ("2020-13-45", None),
            ("2020-3", None),
            ("20-3-5", None),
            ("2020-003-05", None),
            ("2020-03-005", None),
            ("02020-03-05", None),
            ("2020-03-05-01", None),
            ("05/03/2020", None),
            ("2020-+3-05", None),
            ("见抽样单", None),
            ("12", None),
            ("9999999", None),
        ] {
            assert_eq!(parse_date(text), expected, "{text}");
        }
    }

    #[test]
    fn every_day_of_a_century_survives_its_spellings() {
        let mut day = date(1990, 1, 1);
        while day <= date(2050, 12, 31) {
            let (y, m, d) = (day.year(), day.month(), day.day());
            for text in [
                format!("{y}-{m:02}-{d:02}"),
                format!("{y}/{m}/{d}"),
                format!("{y}年{m}月{d}日"),
                format!("{y}{m:02}{d:02}"),
                format!("{y}.{m}.{d}"),
            ] {
                assert_eq!(parse_date(&text), Some(day), "{text}");
            }
            day = day.tomorrow().expect("in range");
        }
    }
}
