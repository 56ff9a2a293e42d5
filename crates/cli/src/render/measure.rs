//! Times, sizes and counts for people.

use std::time::Duration;

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// A size with three digits: `312 B`, `4.21 MB`, `1.03 GB`. Powers of 1000, as disks are sold.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = approximately(bytes) / 1000.0;
    let mut unit = 0;
    // 999.5 would be printed as 1000 of the smaller unit.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{} {}", three_digits(value), UNITS[unit])
}

/// A length of time: `8 ms`, `1.4 s`, `2 min 5 s`, `3 h 2 min`.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..60 => format!("{:.1} s", (duration.as_secs_f64() * 10.0).floor() / 10.0),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// A rate, by bytes where there are any, and the time left: `1.20 MB/s, 3 min 5 s left`; as much of it as is known.
pub(crate) fn pace(rows_per_s: Option<u64>, bytes_per_s: Option<u64>, left_ms: Option<u64>) -> String {
    let rate = match (bytes_per_s, rows_per_s) {
        (Some(sent @ 1..), _) => Some(format!("{}/s", bytes(sent))),
        (_, Some(rows @ 1..)) => Some(format!("{} rows/s", count(rows))),
        _ => None,
    };
    let left = left_ms.map(|left| format!("{} left", duration(Duration::from_millis(left))));
    let parts: Vec<String> = rate.into_iter().chain(left).collect();
    parts.join(", ")
}

/// How long ago something was: `12 s ago`, `3 min ago`, `5 h ago`, `12 days ago`. Clocks differ between machines: what
/// lies a little ahead is `just now`.
pub(crate) fn age(then: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(then.as_second());
    match seconds {
        ..5 => "just now".to_owned(),
        5..60 => format!("{seconds} s ago"),
        60..3600 => format!("{} min ago", seconds / 60),
        3600..172_800 => format!("{} h ago", seconds / 3600),
        _ => format!("{} days ago", seconds / 86_400),
    }
}

/// A moment, to the minute, in UTC as the stamps of backup sets are.
pub(crate) fn moment(time: Timestamp) -> String {
    time.to_zoned(TimeZone::UTC)
        .strftime("%Y-%m-%d %H:%M UTC")
        .to_string()
}

/// A number with its thousands apart: `1,234,567`.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 row`, `2 rows`.
pub(crate) fn counted(number: u64, one: &str, several: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { several })
}

fn three_digits(value: f64) -> String {
    match value {
        ..9.995 => format!("{value:.2}"),
        9.995..99.95 => format!("{value:.1}"),
        _ => format!("{value:.0}"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
fn approximately(number: u64) -> f64 {
    number as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_have_three_digits() {
        let shown = [
            0,
            999,
            1000,
            1234,
            99_949,
            99_950,
            999_499,
            999_500,
            4_210_000,
            u64::MAX,
        ]
        .map(bytes);
        assert_eq!(
            shown,
            [
                "0 B", "999 B", "1.00 kB", "1.23 kB", "99.9 kB", "100 kB", "999 kB", "1.00 MB", "4.21 MB",
                "18447 PB"
            ]
        );
    }

    #[test]
    fn times_have_at_most_two_units() {
        let shown = [0, 999, 1000, 59_990, 60_000, 125_000, 3_600_000, 10_990_000]
            .map(|millis| duration(Duration::from_millis(millis)));
        assert_eq!(
            shown,
            [
                "0 ms",
                "999 ms",
                "1.0 s",
                "59.9 s",
                "1 min 0 s",
                "2 min 5 s",
                "1 h 0 min",
                "3 h 3 min"
            ]
        );
    }

    #[test]
    fn ages_are_round() {
        let now: Timestamp = "2025-10-01T12:00:00Z".parse().unwrap();
        let shown = [-30, 0, 5, 59, 60, 3599, 3600, 172_799, 172_800, 8_640_000]
            .map(|seconds| age(now - jiff::SignedDuration::from_secs(seconds), now));
        assert_eq!(
            shown,
            [
                "just now",
                "just now",
                "5 s ago",
                "59 s ago",
                "1 min ago",
                "59 min ago",
                "1 h ago",
                "47 h ago",
                "2 days ago",
                "100 days ago"
            ]
        );
    }

    #[test]
    fn thousands_are_apart() {
        let shown = [0, 12, 999, 1000, 12_345, 123_456, 1_234_567].map(count);
        assert_eq!(
            shown,
            ["0", "12", "999", "1,000", "12,345", "123,456", "1,234,567"]
        );
    }
}
