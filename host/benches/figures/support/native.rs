//! A gate's own source, built natively on the spot and timed around the same function: what WebAssembly costs.

use std::{fs, path::PathBuf};

use super::{
    Gate, Place, median,
    place::{copy, workspace},
    run,
};

/// In the place of the gate's entry: asks the same question again and again, and tells the nanoseconds of each answer.
const MAIN: &str = r#"
fn main() {
    let mut arguments = std::env::args().skip(1);
    let file = arguments.next().expect("a request");
    let request: &'static str = std::fs::read_to_string(file).expect("a request").leak();
    let calls = arguments.next().and_then(|calls| calls.parse().ok()).expect("a number");
    for _ in 0..calls {
        let begun = std::time::Instant::now();
        let answer = portcullis_sdk::answer(std::hint::black_box(request), judge);
        std::hint::black_box(answer.unwrap_or_else(|fault| panic!("{fault}")));
        println!("{}", begun.elapsed().as_nanos());
    }
}
"#;

/// A gate as a native program.
pub(crate) struct Native<'p> {
    place: &'p Place,
    program: PathBuf,
}

impl<'p> Native<'p> {
    pub(crate) fn build(place: &'p Place, gate: &Gate) -> Self {
        Self::with_main(place, gate, MAIN)
    }

    /// With `main` in the place of the gate's entry.
    pub(crate) fn with_main(place: &'p Place, gate: &Gate, main: &str) -> Self {
        let name = gate.name;
        let folder = format!("native/{name}-{}", main.len());
        copy(&workspace(&format!("gates/{name}/src")), &place.path(&format!("{folder}/src")));
        let source = fs::read_to_string(place.path(&format!("{folder}/src/main.rs"))).expect("read");
        let is_entry = |line: &&str| line.starts_with("portcullis_sdk::") && line.ends_with("!(judge);");
        let entry = source.lines().find(is_entry).expect("an entry").to_owned();
        place.write(&format!("{folder}/src/main.rs"), source.replace(&entry, main));
        place.write(&format!("{folder}/Cargo.toml"), manifest(name));
        // The same versions of everything as the gate has.
        fs::copy(workspace("Cargo.lock"), place.path(&format!("{folder}/Cargo.lock"))).expect("copied");
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("native");
        let mut cargo = place.command("cargo".as_ref());
        cargo.args(["build", "--release", "--quiet"]).current_dir(place.path(&folder)).env("CARGO_TARGET_DIR", &target);
        run(place.with_toolchain(&mut cargo), 0);
        let program = place.path(&format!("{folder}/program"));
        fs::copy(target.join("release").join(name), &program).expect("copied");
        Self { place, program }
    }

    /// Nanoseconds of a call, over `calls` of them in one process.
    pub(crate) fn call(&self, request: &str, calls: usize) -> f64 {
        self.nanoseconds(&[request, &calls.to_string()])
    }

    /// The middle of the numbers that it tells.
    pub(crate) fn nanoseconds(&self, arguments: &[&str]) -> f64 {
        let mut command = self.place.command(&self.program);
        let told = command.args(arguments).stdout(std::process::Stdio::piped()).output();
        let told = told.expect("it runs");
        assert!(told.status.success(), "{}", self.program.display());
        let told = String::from_utf8_lossy(&told.stdout);
        median(told.lines().filter_map(|line| line.parse().ok()))
    }
}

fn manifest(name: &str) -> String {
    let sdk = workspace("sdk");
    format!(
        "[package]\nname = {name:?}\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
         [dependencies]\nportcullis-sdk = {{ path = {sdk:?} }}\n\
         serde = {{ version = \"1\", default-features = false, features = [\"derive\", \"alloc\"] }}\n\
         serde_json = {{ version = \"1\", default-features = false, features = [\"alloc\"] }}\n\n\
         [profile.release]\nlto = \"fat\"\ncodegen-units = 1\npanic = \"abort\"\n"
    )
}
