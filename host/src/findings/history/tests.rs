use serde_json::json;

use super::*;

fn classification(at: &str, failed: u32, total: u32) -> Vec<u8> {
    json!({"workflows": [], "summary": {"total": total, "failed": failed, "timestamp": at}}).to_string().into_bytes()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_757_672_100 + second).expect("a time")
}

/// Leaves a snapshot of that second of the day, and says its name.
fn leave(folder: &Path, second: i64, failed: u32) -> String {
    let at = at(second);
    let path = keep(folder, at, &classification(&Stamp(at).to_string(), failed, 99)).expect("kept");
    path.file_name().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn scans_of_one_second_lose_nothing_and_stay_in_their_order() {
    let folder = tempfile::tempdir().expect("a folder");
    let folder = folder.path().join("not/there/yet");
    let names: Vec<String> = (0..12).map(|failed| leave(&folder, 0, failed)).collect();
    assert_eq!(names[0], "20250912T101500_classification.json");
    assert_eq!(names[1], "20250912T101500_n0002_classification.json");
    let later = leave(&folder, 1, 12);
    assert!(names.is_sorted() && names[11] < later, "{names:?} {later}");
    let newest = newest(&folder, usize::MAX).expect("listed");
    let failed: Vec<u32> = newest.snapshots.iter().map(|snapshot| snapshot.failed).collect();
    assert_eq!(failed, Vec::from_iter(0..=12));
}

#[test]
fn scans_that_end_at_once_lose_nothing_and_the_row_has_them_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    std::thread::scope(|scope| {
        for failed in 0..8 {
            scope.spawn(move || {
                leave(path, 0, failed);
                write_trends(path).expect("written");
            });
        }
    });
    let mut failed: Vec<u32> = newest(path, 99).expect("listed").snapshots.iter().map(|one| one.failed).collect();
    failed.sort_unstable();
    assert_eq!(failed, Vec::from_iter(0..8));
    let row: Vec<serde_json::Value> =
        serde_json::from_slice(&fs::read(path.join(TRENDS)).expect("there")).expect("JSON");
    assert_eq!(row.len(), 8);
    assert_eq!(fs::read_dir(path).expect("listed").count(), 9, "and nothing else is left behind");
}

#[test]
fn the_row_is_as_it_was() {
    let folder = tempfile::tempdir().expect("a folder");
    let zulu = classification("2025-09-12T10:15:00Z", 1_820, 2_700);
    keep(folder.path(), at(0), &zulu).expect("kept");
    keep(folder.path(), at(3_610), &classification("2025-09-12T11:15:10.5+00:00", 1_755, 2_700)).expect("kept");
    write_trends(folder.path()).expect("written");
    let row = fs::read_to_string(folder.path().join(TRENDS)).expect("there");
    assert_eq!(row, include_str!("../testdata/trends.json"));
}

#[test]
fn a_broken_snapshot_is_passed_over_with_a_warning() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    leave(path, 0, 1);
    let whole = classification("2025-09-12T10:15:00Z", 1, 2);
    for (second, bytes) in [(1, &whole[..40]), (2, b""), (3, b"{}"), (4, b"[]"), (5, b"\xff")] {
        keep(path, at(second), bytes).expect("kept");
    }
    keep(path, at(6), &classification("2025-09-12T10:15:00", 1, 2)).expect("kept");
    keep(path, at(7), &classification("2025-09-12T10:15:00Z", 3, 2)).expect("kept");
    fs::create_dir(path.join("20250912T101508_classification.json")).expect("a folder");
    leave(path, 9, 2);
    let trends = write_trends(path).expect("written");
    let failed: Vec<u32> = trends.snapshots.iter().map(|snapshot| snapshot.failed).collect();
    assert_eq!(failed, [1, 2]);
    assert_eq!(trends.skipped.len(), 8);
    let expect =
        "the snapshot `20250912T101501_classification.json` is passed over: the classification is half-written";
    assert!(trends.skipped[0].message.starts_with(expect), "{:?}", trends.skipped[0]);
    assert!(trends.skipped[7].message.ends_with("is not a regular file"), "{:?}", trends.skipped[7]);
}

#[test]
fn the_row_has_the_newest_twenty_that_can_be_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path();
    for second in 0..25 {
        leave(path, second, 1);
    }
    keep(path, at(26), b"{").expect("kept");
    let trends = write_trends(path).expect("written");
    assert_eq!((trends.snapshots.len(), trends.skipped.len()), (20, 1));
    assert_eq!(trends.snapshots[0].timestamp, Stamp(at(5)));
    for second in 100..300 {
        keep(path, at(second), b"{").expect("kept");
    }
    let trends = write_trends(path).expect("written");
    assert_eq!((trends.snapshots.len(), trends.skipped.len()), (0, 200), "nobody waits for a folder of broken ones");
}

#[test]
fn only_snapshots_are_snapshots() {
    for (name, expect) in [
        ("20250912T101500_classification.json", true),
        ("20250912T101500_n0002_classification.json", true),
        ("20250912T101500_n_classification.json", false),
        ("20250912T101500_n0002_n0003_classification.json", false),
        ("20250912101500_classification.json", false),
        ("2025-09-12T10:15:00_classification.json", false),
        ("T_classification.json", false),
        ("20250912T101500_classification.json.bak", false),
        ("_classification.json", false),
        ("trends.json", false),
        (".portcullis-x1", false),
    ] {
        assert_eq!(is_name(name), expect, "{name}");
    }
}

#[test]
fn a_folder_that_is_not_there_is_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let gone = folder.path().join("gone");
    assert_eq!(list(&gone).expect_err("gone").code(), "file-missing");
    assert_eq!(write_trends(&gone).expect_err("gone").code(), "file-missing");
    fs::write(&gone, "").expect("written");
    assert_eq!(list(&gone).expect_err("a file").code(), "file-unreadable");
    assert_eq!(keep(&gone, at(0), b"").expect_err("a file").code(), "file-unwritable");
    assert!(newest(folder.path(), 20).expect("listed").snapshots.is_empty());
}
