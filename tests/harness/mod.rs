//! A folder a test, the binary in it, and what every run of the binary has to hold to, whatever it was given.

mod command;
mod guest;

use std::{
    fs,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

pub(crate) use command::{Command, Ended, Running};
pub(crate) use guest::{ECHO, FAIL, NOT_APPLICABLE, PARROT, PASS, REVIEW, assemble, hex, section, with_metadata};

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The modules of gates of this repository, by the names of their folders, built and without signatures: building them takes
/// long, and signing does not.
pub(crate) fn built(gates: &[&str]) -> Vec<Vec<u8>> {
    let dir = Dir::new();
    let crates: Vec<String> = gates.iter().map(|gate| format!("{REPOSITORY}/gates/{gate}")).collect();
    let arguments: Vec<&str> = ["build"].into_iter().chain(crates.iter().map(String::as_str)).collect();
    let build = dir.portcullis(&[&arguments[..], &["--out", "built"]].concat()).with_toolchain();
    build.within(Duration::from_secs(900)).run().exits(0);
    gates.iter().map(|gate| dir.read(format!("built/{gate}.wasm"))).collect()
}

/// Where a run puts its artifacts.
pub(crate) const OUT: &str = "portcullis-out";

/// A folder with a key, a trust file that trusts it for every kind, and a home of its own.
pub(crate) struct Dir {
    root: TempDir,
    own_cache: bool,
}

impl Dir {
    /// Compiled modules are shared with other tests: they are kept by content, and only the cache's own tests care.
    pub(crate) fn new() -> Self {
        Self::made(false)
    }

    /// With a cache that no other test sees.
    pub(crate) fn with_own_cache() -> Self {
        Self::made(true)
    }

    fn made(own_cache: bool) -> Self {
        let root = tempfile::Builder::new().prefix("e2e-").tempdir().expect("a folder");
        let dir = Self { root, own_cache };
        fs::create_dir(dir.path("home")).expect("a home");
        dir.new_key("own");
        dir.trust("own", &["readiness", "gate", "validator", "probe"]);
        dir
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file, and the folders that it lies in.
    pub(crate) fn write(&self, name: impl AsRef<Path>, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, bytes).expect("written");
    }

    pub(crate) fn read(&self, name: impl AsRef<Path>) -> Vec<u8> {
        let path = self.path(name);
        fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    pub(crate) fn text(&self, name: impl AsRef<Path>) -> String {
        String::from_utf8(self.read(name)).expect("UTF-8")
    }

    pub(crate) fn json(&self, name: impl AsRef<Path>) -> Value {
        serde_json::from_slice(&self.read(name)).expect("JSON")
    }

    pub(crate) fn has(&self, name: impl AsRef<Path>) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }

    /// The binary, in this folder.
    pub(crate) fn portcullis<A: AsRef<str>>(&self, arguments: &[A]) -> Command<'_> {
        Command::new(self, env!("CARGO_BIN_EXE_portcullis"), arguments)
    }

    /// Another program, in this folder and with the same environment.
    pub(crate) fn other<A: AsRef<str>>(&self, program: &str, arguments: &[A]) -> Command<'_> {
        Command::new(self, program, arguments)
    }

    pub(crate) fn new_key(&self, name: &str) {
        self.portcullis(&["key", "new", name, "--no-passphrase"]).run().exits(0);
    }

    /// Writes a trust file in which that key may sign any module of those kinds.
    pub(crate) fn trust(&self, key: &str, kinds: &[&str]) {
        let shown = self.portcullis(&["key", "show", &format!("{key}.pub"), "--json"]).run();
        let key = shown.exits(0).json()["short"].clone();
        let text = format!("schema = 1\n\n[publisher.own]\nkeys = [{key}]\nmodules = [\"*\"]\nkinds = {kinds:?}\n");
        self.write("trust.toml", text);
    }

    /// Writes a module, signed with this folder's key.
    pub(crate) fn module(&self, file: &str, bytes: impl AsRef<[u8]>) {
        self.write(file, bytes);
        self.portcullis(&["sign", file, "--key", "own.key"]).run().exits(0);
    }

    /// Writes a module assembled from text, as a gate of that kind, signed; its name is its file's.
    pub(crate) fn gate(&self, file: &str, kind: &str, wat: &str) {
        let name = file.strip_suffix(".wasm").expect("a module's name");
        self.module(file, with_metadata(&assemble(wat), name, kind));
    }

    /// Writes the gate that answers whatever it is handed, as `parrot-KIND.wasm`.
    pub(crate) fn parrot(&self, kind: &str) {
        self.gate(&format!("parrot-{kind}.wasm"), kind, PARROT);
    }

    /// Writes the gate that shows what it was handed, as `echo.wasm`.
    pub(crate) fn echo(&self) {
        self.gate("echo.wasm", "gate", ECHO);
    }

    /// Writes `portcullis.toml`: its head, and `rest`, whose first line is the fourth.
    pub(crate) fn manifest(&self, rest: &str) {
        self.write("portcullis.toml", format!("schema = 1\nname = \"e2e\"\ntrust = \"trust.toml\"\n{rest}"));
    }

    /// Runs the manifest.
    pub(crate) fn run(&self) -> Ended {
        self.portcullis(&["run"]).run()
    }

    /// The record of the last run; it and what lies beside it are whole.
    pub(crate) fn decision(&self) -> Value {
        let decision = self.json(format!("{OUT}/decision.json"));
        let results = self.json(format!("{OUT}/gate_results.json"));
        assert_eq!(results.as_object().map(serde_json::Map::len), decision["gates"].as_array().map(|it| it.len() + 1));
        assert!(self.text(format!("{OUT}/gate_sign_off.md")).starts_with("| Gate | Status | Manual | Notes |"));
        decision
    }

    /// That no run has left artifacts here.
    pub(crate) fn has_no_artifacts(&self) {
        let left: Vec<_> = match self.path(OUT).read_dir() {
            Ok(entries) => entries.map(|entry| entry.expect("listed").file_name()).collect(),
            Err(_) => Vec::new(),
        };
        assert!(left.is_empty(), "{left:?}");
    }

    /// That nothing half-written lies about: a file is put in its place whole, under a name that starts like this until then.
    /// A run beside this one may be at it right now; what is left over stays.
    fn is_tidy(&self) {
        let patience = Instant::now() + Duration::from_secs(10);
        while let Some(left) = self.half_written() {
            assert!(Instant::now() < patience, "{} is left over", left.display());
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Removes what a run that was killed had half written.
    pub(crate) fn tidy_up(&self) {
        while let Some(left) = self.half_written() {
            let removed = if left.is_dir() { fs::remove_dir_all(&left) } else { fs::remove_file(&left) };
            removed.expect("removed");
        }
    }

    fn half_written(&self) -> Option<PathBuf> {
        let mut entries = walkdir::WalkDir::new(self.root.path()).into_iter().filter_map(Result::ok);
        let left = entries.find(|entry| entry.file_name().to_string_lossy().starts_with(".portcullis-"));
        left.map(walkdir::DirEntry::into_path)
    }

    /// Where this folder's compiled modules are kept.
    pub(crate) fn cache(&self) -> PathBuf {
        self.base("cache")
    }

    fn base(&self, what: &str) -> PathBuf {
        if self.own_cache { self.path(what) } else { Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e").join(what) }
    }
}

/// A gate under that name that answers `answer`, which need not be an answer; what is appended belongs to the gate's table.
pub(crate) fn answering(name: &str, answer: impl AsRef<[u8]>) -> String {
    answering_as("gate", name, answer)
}

/// The same, of another kind.
pub(crate) fn answering_as(kind: &str, name: &str, answer: impl AsRef<[u8]>) -> String {
    let answer = hex(answer.as_ref());
    format!(
        "[evidence.{name}]\nvalue = \"{answer}\"\n[gate.{name}]\nmodule = \"parrot-{kind}.wasm\"\ninput = {{ text = \"{name}\" }}\n"
    )
}
