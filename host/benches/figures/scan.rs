//! Scans: one validator over many small files, as whole processes.

use std::fs;

use crate::support::{GATES, Native, Options, Place, Ran, Report, Row, in_turn, median, ms, run};

const PART: &str = "5. Scans";
/// In the place of the gate's entry: the same check over the files of a folder, in this process and on this core, and how
/// many nanoseconds it took from the first file that is read to the last that is checked.
const MAIN: &str = r#"
fn main() {
    let folder = std::env::args().nth(1).expect("a folder");
    let mut paths: Vec<_> = std::fs::read_dir(folder).expect("listed").map(|file| file.expect("listed").path()).collect();
    paths.sort();
    let begun = std::time::Instant::now();
    for path in paths {
        let text = std::fs::read_to_string(path).expect("text");
        std::hint::black_box(check::check(std::hint::black_box(&text), &Params::default()));
    }
    println!("{}", begun.elapsed().as_nanos());
}
"#;

/// The same, where each file is put into a request that is read, and comes to an answer that is written: what a gate's own
/// code does in the sandbox.
const ASKED: &str = r#"
fn main() {
    let folder = std::env::args().nth(1).expect("a folder");
    let mut paths: Vec<_> = std::fs::read_dir(folder).expect("listed").map(|file| file.expect("listed").path()).collect();
    paths.sort();
    let begun = std::time::Instant::now();
    for path in paths {
        let text = std::fs::read_to_string(&path).expect("text");
        let json = |text: &str| serde_json::to_string(text).expect("JSON");
        let request = format!(
            "{{\"protocol\":1,\"gate\":\"aether-workflow\",\"kind\":\"validator\",\"params\":{{}},\"input\":{{\"path\":{},\"text\":{}}},\
             \"now\":\"2026-01-10T00:00:00Z\",\"run_id\":\"bench\"}}",
            json(path.to_str().expect("text")),
            json(&text)
        );
        let answer = portcullis_sdk::answer(std::hint::black_box(request.as_str()), judge);
        std::hint::black_box(answer.unwrap_or_else(|fault| panic!("{fault}")));
    }
    println!("{}", begun.elapsed().as_nanos());
}
"#;

pub(crate) fn measure(options: &Options, place: &Place, report: &mut Report) {
    let gate = &GATES[2];
    place.manifest("three.toml", 3);
    fs::copy(place.path(&format!("built/{}.wasm", gate.name)), place.path("scan.wasm")).expect("copied");
    let [native, asked] = [MAIN, ASKED].map(|main| Native::with_main(place, gate, main));
    let files = options.size(2_700, 27);
    write(place, files);
    let scan = |files: usize, jobs: &str, more: &[&str]| {
        let folder = format!("scan-{files}");
        let arguments = ["scan", "scan.wasm", &folder, "--unverified", "--jobs", jobs];
        run(&mut place.portcullis(&[&arguments[..], more].concat()), 1)
    };
    scan(files, "1", &[]);
    let natively = |native: &Native<'_>| native.nanoseconds(&[&format!("scan-{files}")]) / 1e6;
    let rounds = options.rounds(15);
    let natives = in_turn(rounds, &mut [&mut || natively(&native), &mut || natively(&asked)]);
    let [alone, asked] = [0, 1].map(|at| median(natives[at].iter().copied()));
    let samples = in_turn(
        rounds,
        &mut [&mut || scan(files, "1", &[]), &mut || scan(files, "2", &[]), &mut || scan(files, "1", &["--no-cache"])],
    );
    let wall = |samples: &[Ran]| median(samples.iter().map(|ran| ms(ran.wall)));
    let (one, two, cold) = (wall(&samples[0]), wall(&samples[1]), wall(&samples[2]));
    let what = format!("{files} files");
    report.add(Row::new(PART, format!("{what}, the check natively in-process"), alone, "ms").times(1.0, "this"));
    report.add(
        Row::new(PART, format!("{what}, natively, each asked and answered"), asked, "ms")
            .times(asked / alone, "the check alone"),
    );
    report.add(Row::new(PART, format!("{what}, one thread"), one, "ms").times(one / alone, "native").at_most(3.0));
    report.add(
        Row::new(PART, format!("{what}, two threads"), two, "ms").times(one / two, "one thread's speed").at_least(1.7),
    );
    report.add(
        Row::new(PART, format!("{what}, one thread, nothing compiled before"), cold, "ms").times(cold / one, "cached"),
    );
    growth(options, place, report, &scan);
}

/// How time and memory grow with the number of files.
fn growth(options: &Options, place: &Place, report: &mut Report, scan: &dyn Fn(usize, &str, &[&str]) -> Ran) {
    let sizes = [100, 2_700, 27_000].map(|files| options.size(files, files / 100));
    let mut ran = Vec::new();
    for files in sizes {
        write(place, files);
        scan(files, "2", &[]);
        let samples: Vec<Ran> = (0..options.rounds(5)).map(|_| scan(files, "2", &[])).collect();
        let wall = median(samples.iter().map(|ran| ms(ran.wall)));
        let peak = median(samples.iter().map(|ran| ran.peak as f64 / f64::from(1 << 20)));
        report.add(Row::new(PART, format!("{files} files, two threads: per file"), wall * 1e3 / files as f64, "µs"));
        ran.push((files, peak));
    }
    let [_, (middle, less), (most, more)] = ran.as_slice() else { return };
    let row = Row::new(PART, format!("{most} files: peak memory"), *more, "MiB");
    report.add(row.times(more / less, if *middle > 1_000 { "2,700 files" } else { "fewer" }));
}

/// Small files of which one in fifty is wrong.
fn write(place: &Place, files: usize) {
    for number in 0..files {
        let wrong = if number % 50 == 0 { "launch(1)\n" } else { "" };
        let text =
            format!("goal: keep {number} tidy\n{}{wrong}", "step: store(\"item\")\n# what it is for\n".repeat(15));
        place.write(&format!("scan-{files}/{number:05}.aether"), text);
    }
}
