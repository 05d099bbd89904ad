//! Opening hours as people write them: `Mon-Fri 09:00-17:00; Sat 10:00-14:00`.

/// A time of the week: the day (Monday is 0) and the minutes from its midnight. What closes no later than it opens closes
/// on the next day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Opening {
    pub(super) day: usize,
    pub(super) opens: u16,
    pub(super) closes: u16,
}

/// English and Indonesian, by their first three letters.
const NAMES: [[&str; 2]; 7] =
    [["mon", "sen"], ["tue", "sel"], ["wed", "rab"], ["thu", "kam"], ["fri", "jum"], ["sat", "sab"], ["sun", "min"]];

const MINUTES: u16 = 24 * 60;

/// Whether one of them holds at a minute of a day.
pub(super) fn is_open(openings: &[Opening], day: usize, minute: u16) -> bool {
    openings.iter().any(|it| {
        let overnight = it.closes <= it.opens;
        let today = it.day == day && it.opens <= minute && (overnight || minute < it.closes);
        today || (overnight && (it.day + 1) % 7 == day && minute < it.closes)
    })
}

/// Reads opening hours: parts between semicolons, commas or line breaks, each of days and times. Times without days hold
/// for the days before them, or for all. `None` if a part can't be read.
pub(super) fn read(text: &str) -> Option<Vec<Opening>> {
    let text = text.to_lowercase().replace(['–', '—', '−'], "-").replace(" to ", "-");
    let mut openings = Vec::new();
    let (mut days, mut pending) = ((0..7).collect::<Vec<_>>(), Vec::new());
    for part in text.split([';', ',', '\n']).map(str::trim).filter(|it| !it.is_empty()) {
        let (named, times) = match part.find(|it: char| it.is_ascii_digit()) {
            Some(at) => part.split_at(at),
            None => (part.trim_end_matches("closed").trim_end_matches("tutup"), ""),
        };
        let is_closed = times.is_empty() && named.len() < part.len();
        let named = named.trim().trim_end_matches(':').trim();
        if !named.is_empty() {
            pending.extend(days_of(named)?);
            if times.is_empty() && !is_closed {
                continue;
            }
            days = std::mem::take(&mut pending);
        }
        if !is_closed {
            let (opens, closes) = range(times)?;
            openings.extend(days.iter().map(|&day| Opening { day, opens, closes }));
        }
    }
    pending.is_empty().then_some(openings)
}

/// `mon`, `mon-fri`, `daily`
fn days_of(text: &str) -> Option<Vec<usize>> {
    match text {
        "daily" | "every day" | "everyday" | "setiap hari" => return Some((0..7).collect()),
        "weekdays" => return Some((0..5).collect()),
        "weekends" | "weekend" => return Some(vec![5, 6]),
        _ => {}
    }
    let day = |name: &str| {
        let name = name.trim();
        let short = name.get(..3).filter(|_| name.chars().all(char::is_alphabetic))?;
        NAMES.iter().position(|names| names.contains(&short))
    };
    match text.split_once('-') {
        None => Some(vec![day(text)?]),
        Some((first, last)) => {
            let (first, last) = (day(first)?, day(last)?);
            Some((0..7).map(|it| (first + it) % 7).take((last + 7 - first) % 7 + 1).collect())
        }
    }
}

/// `09:00-17:00`, `9.30 - 17`, `9am-5pm`, `24 hours`
fn range(text: &str) -> Option<(u16, u16)> {
    let text = text.trim();
    if matches!(text, "24/7" | "24 hours" | "24 jam" | "24h") {
        return Some((0, MINUTES));
    }
    let (opens, closes) = text.split_once('-')?;
    Some((minute(opens.trim())?, minute(closes.trim())?)).filter(|(opens, _)| *opens < MINUTES)
}

fn minute(text: &str) -> Option<u16> {
    let (clock, afternoon) = match (text.strip_suffix("am"), text.strip_suffix("pm")) {
        (Some(clock), _) => (clock.trim(), Some(false)),
        (_, Some(clock)) => (clock.trim(), Some(true)),
        _ => (text, None),
    };
    let (hour, minutes) = clock.split_once([':', '.']).unwrap_or((clock, "00"));
    let number =
        |it: &str| (it.len() <= 2 && it.bytes().all(|it| it.is_ascii_digit())).then(|| it.parse::<u16>().ok())?;
    let (mut hour, minutes) = (number(hour)?, number(minutes).filter(|it| *it < 60)?);
    if let Some(afternoon) = afternoon {
        hour = (1..=12).contains(&hour).then_some(hour % 12)? + if afternoon { 12 } else { 0 };
    }
    Some(hour * 60 + minutes).filter(|it| *it <= MINUTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn open(text: &str, day: usize, hour: u16, minute: u16) -> Option<bool> {
        read(text).map(|it| is_open(&it, day, hour * 60 + minute))
    }

    #[test]
    fn hours_are_read_as_people_write_them() {
        for (text, day, hour, minute, expected) in [
            ("Mon-Fri 09:00-17:00; Sat 10:00-14:00", 0, 9, 0, Some(true)),
            ("Mon-Fri 09:00-17:00; Sat 10:00-14:00", 4, 17, 0, Some(false)),
            ("Mon-Fri 09:00-17:00; Sat 10:00-14:00", 5, 13, 59, Some(true)),
            ("Mon-Fri 09:00-17:00; Sat 10:00-14:00", 6, 12, 0, Some(false)),
            ("Monday – Friday: 9am – 5:30pm", 2, 17, 29, Some(true)),
            ("Mon-Fri 09:00-12:00, 13:00-17:00", 1, 12, 30, Some(false)),
            ("Mon-Fri 09:00-12:00, 13:00-17:00", 1, 13, 0, Some(true)),
            ("Mon, Wed 08.00-10.00", 2, 9, 0, Some(true)),
            ("Mon, Wed 08.00-10.00", 1, 9, 0, Some(false)),
            ("daily 18:00-02:00", 3, 1, 59, Some(true)),
            ("Fri 18:00-02:00", 5, 1, 0, Some(true)),
            ("Fri 18:00-02:00", 4, 1, 0, Some(false)),
            ("Sun 22:00-03:00", 0, 2, 0, Some(true)),
            ("08:00-22:00", 6, 21, 0, Some(true)),
            ("Senin-Jumat 08.00-16.00; Sabtu tutup", 5, 9, 0, Some(false)),
            ("Sat-Mon 10-12", 6, 11, 0, Some(true)),
            ("24/7", 6, 3, 0, Some(true)),
            ("Sun closed", 6, 3, 0, Some(false)),
            ("", 0, 9, 0, Some(false)),
            ("by appointment", 0, 9, 0, None),
            ("Mon-Fri", 0, 9, 0, None),
            ("Mon 9:00-25:00", 0, 9, 0, None),
            ("Mon 9:70-10:00", 0, 9, 0, None),
            ("Mon 13pm-3pm", 0, 9, 0, None),
        ] {
            assert_eq!(open(text, day, hour, minute), expected, "{text} on {day} at {hour}:{minute}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics(text: String, day in 0..7_usize, minute in 0..1440_u16) {
            if let Some(openings) = read(&text) {
                is_open(&openings, day, minute);
            }
        }
    }
}
