//! The row as a picture that a terminal shows: a bar a snapshot, no line longer than 80 columns.

use std::cmp::Ordering;

use super::{Snapshot, Stamp};
use crate::text::{counted, grouped};

/// Columns of a line.
const WIDTH: usize = 80;
/// What is left of a column, in eighths.
const PARTS: [char; 7] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/// How many of so many, in hundredths: `67.4 %`.
#[must_use]
pub fn rate(failed: u32, total: u32) -> String {
    format!("{:.1} %", part(failed, total) * 100.0)
}

fn part(failed: u32, total: u32) -> f64 {
    if total == 0 { 0.0 } else { f64::from(failed) / f64::from(total) }
}

/// A line a snapshot, in their order, with bars as long as the part of their files that failed; the longest takes what is
/// left of the width. Nothing for no snapshots.
#[must_use]
pub fn chart(snapshots: &[Snapshot]) -> String {
    let rows: Vec<[String; 4]> = snapshots.iter().map(row).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].len()).max().unwrap_or_default();
    let widths = [width(0), width(1), width(2), width(3)];
    // Between the columns and before the bar there are two spaces each, and ` of ` between the numbers.
    let room = WIDTH.saturating_sub(widths.iter().sum::<usize>() + 2 + 4 + 2 + 2);
    let longest = snapshots.iter().map(|one| part(one.failed, one.total)).fold(0.0, f64::max);
    let mut text = String::new();
    for (snapshot, [time, failed, total, rate]) in snapshots.iter().zip(&rows) {
        let [a, b, c, d] = widths;
        let bar = bar(part(snapshot.failed, snapshot.total), longest, room);
        let line = format!("{time:a$}  {failed:>b$} of {total:>c$}  {rate:>d$}  {bar}");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// What the newest scan says beside the one before it, where there are two.
#[must_use]
pub fn change(snapshots: &[Snapshot]) -> Option<String> {
    let [.., before, last] = snapshots else { return None };
    let (now, then) = (last.failed, before.failed);
    let more = |count: u32, what| {
        let failed = counted(count as usize, &format!("{what} file failed"), &format!("{what} files failed"));
        format!("{failed} than in the scan before")
    };
    Some(match now.cmp(&then) {
        Ordering::Less => more(then - now, "fewer"),
        Ordering::Greater => more(now - then, "more"),
        Ordering::Equal => "as many files failed as in the scan before".to_owned(),
    })
}

fn row(snapshot: &Snapshot) -> [String; 4] {
    let Snapshot { timestamp: Stamp(timestamp), failed, total, .. } = snapshot;
    let time = timestamp.strftime("%Y-%m-%d %H:%M:%S").to_string();
    [time, grouped(u64::from(*failed)), grouped(u64::from(*total)), rate(*failed, *total)]
}

/// A bar of at most `room` columns. What is not nothing is seen.
fn bar(part: f64, longest: f64, room: usize) -> String {
    if part <= 0.0 || longest <= 0.0 {
        return String::new();
    }
    let eighths = ((part / longest * (room * 8) as f64).round() as usize).clamp(1, room * 8);
    let mut bar = "█".repeat(eighths / 8);
    bar.extend((eighths % 8).checked_sub(1).and_then(|left| PARTS.get(left)));
    bar
}

#[cfg(test)]
mod tests {
    use super::*;

    fn snapshot(time: &str, failed: u32, total: u32) -> Snapshot {
        Snapshot { file: String::new(), timestamp: time.parse().expect("a time"), failed, total }
    }

    #[test]
    fn a_chart_is_as_it_was() {
        let snapshots = [
            snapshot("2025-09-12T10:15:00Z", 1_820, 2_700),
            snapshot("2025-09-12T11:15:10Z", 1_755, 2_700),
            snapshot("2025-09-13T11:15:10+02:00", 900, 2_710),
            snapshot("2025-09-14T00:00:00Z", 1, 2_710),
            snapshot("2025-09-15T00:00:00Z", 0, 2_710),
        ];
        let expect = "\
2025-09-12 10:15:00  1,820 of 2,700  67.4 %  ███████████████████████████████████
2025-09-12 11:15:10  1,755 of 2,700  65.0 %  █████████████████████████████████▊
2025-09-13 09:15:10    900 of 2,710  33.2 %  █████████████████▎
2025-09-14 00:00:00      1 of 2,710   0.0 %  ▏
2025-09-15 00:00:00      0 of 2,710   0.0 %
";
        assert_eq!(chart(&snapshots), expect);
        assert_eq!(chart(&[]), "");
    }

    #[test]
    fn the_newest_scan_is_held_against_the_one_before_it() {
        for (failed, expect) in [
            (&[][..], None),
            (&[3], None),
            (&[9, 3, 1], Some("2 fewer files failed than in the scan before")),
            (&[1, 2], Some("1 more file failed than in the scan before")),
            (&[9, 2, 2], Some("as many files failed as in the scan before")),
        ] {
            let snapshots: Vec<Snapshot> =
                failed.iter().map(|failed| snapshot("2025-09-12T10:15:00Z", *failed, 10)).collect();
            assert_eq!(change(&snapshots).as_deref(), expect, "{failed:?}");
        }
    }

    #[test]
    fn no_line_is_longer_than_a_terminal_and_none_is_coloured() {
        let most = u32::MAX;
        let time = "9998-12-30T23:59:59Z";
        for (failed, total) in [(most, most), (0, most), (most - 1, most), (0, 0), (1, 1), (1, most)] {
            let text = chart(&[snapshot(time, failed, total), snapshot(time, most, most), snapshot(time, 0, 0)]);
            assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
            assert!(!text.contains('\u{1b}'));
            assert_eq!(text.lines().count(), 3);
        }
    }
}
