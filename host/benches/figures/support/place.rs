//! A folder with gates that were built and signed here, manifests over them, and nothing of the user's.

use std::{
    env, fs,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use portcullis::trust::{PrivateKey, sign};
use portcullis_sdk::Kind;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use super::run;

/// One of the workspace's gates.
pub(crate) struct Gate {
    /// Its name.
    pub(crate) name: &'static str,
    /// What it is signed as.
    pub(crate) kind: Kind,
    /// Its table in a manifest, but for the module.
    table: &'static str,
}

impl Gate {
    /// Parameters under which it answers.
    pub(crate) fn params(&self) -> Map<String, Value> {
        let params = match self.kind {
            Kind::Gate => json!({ "floor": 85, "max_drop": 1 }),
            Kind::Readiness => json!({ "minimum_records": 50 }),
            _ => json!({}),
        };
        params.as_object().cloned().unwrap_or_default()
    }

    /// The same, as a line of a manifest.
    pub(crate) fn params_line(&self) -> &'static str {
        if self.kind == Kind::Gate { "params = { floor = 85, max_drop = 1 }\n" } else { "" }
    }
}

/// The three, as `manifests/nemotron-readiness` uses them.
pub(crate) const GATES: [Gate; 3] = [
    Gate {
        name: "coverage-floor",
        kind: Kind::Gate,
        table: "input = { now = \"coverage\", baseline = \"baseline\" }\nparams = { floor = 85, max_drop = 1 }\n",
    },
    Gate {
        name: "nemotron-readiness",
        kind: Kind::Readiness,
        table: "input = { manifest = \"manifest\", sanitize_report = \"sanitize\", sanitized_preflight = \"preflight\" }\n",
    },
    Gate { name: "aether-workflow", kind: Kind::Validator, table: "input = \"flow\"\n" },
];

const EVIDENCE: &str = "\
schema = 1
name = \"bench\"
trust = \"trust.toml\"
[evidence]
manifest = { file = \"evidence/manifest.json\" }
sanitize = { file = \"evidence/sanitize_report.json\" }
preflight = { file = \"evidence/sanitized_preflight.json\" }
coverage = { file = \"evidence/coverage.json\" }
baseline = { file = \"evidence/coverage-baseline.json\" }
flow = { value = { path = \"a.aether\", text = \"# nothing to find\\n\" } }
";

/// Where everything happens.
pub(crate) struct Place {
    root: TempDir,
    /// Who signs.
    pub(crate) key: PrivateKey,
}

impl Place {
    /// Builds the gates and signs them.
    pub(crate) fn new() -> Self {
        // On the disk that the build is on, and not in a /tmp that may be memory.
        let root = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
        let place = Self { root, key: PrivateKey::from_seed(&[7; 32]) };
        place.write("trust.toml", place.trust(""));
        let crates = GATES.iter().map(|gate| workspace("gates").join(gate.name));
        run(place.with_toolchain(place.portcullis(&["build"]).args(crates).args(["--out", "built"])), 0);
        copy(&workspace("manifests/nemotron-readiness/evidence"), &place.path("evidence"));
        place
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("folders");
        fs::write(path, bytes).expect("written");
    }

    /// Writes the same line many times, without holding more than one of them.
    pub(crate) fn write_lines(&self, name: &str, line: &str, count: usize) {
        let mut file = BufWriter::new(fs::File::create(self.path(name)).expect("created"));
        for _ in 0..count {
            writeln!(file, "{line}").expect("written");
        }
        file.flush().expect("written");
    }

    /// A gate as it was built, unsigned.
    pub(crate) fn built(&self, gate: &Gate) -> Vec<u8> {
        fs::read(self.path(&format!("built/{}.wasm", gate.name))).expect("built")
    }

    /// A trust file for this place's key; `rest` goes behind it.
    pub(crate) fn trust(&self, rest: &str) -> String {
        let key = self.key.public().to_short_form();
        format!(
            "schema = 1\n[publisher.bench]\nkeys = [\"{key}\"]\nmodules = [\"*\"]\nkinds = [\"readiness\", \"gate\", \"validator\"]\n{rest}"
        )
    }

    /// A manifest over `count` modules, no two the same, and the modules.
    pub(crate) fn manifest(&self, file: &str, count: usize) {
        let mut text = EVIDENCE.to_owned();
        for (number, gate) in GATES.iter().cycle().take(count).enumerate() {
            let signed = sign(&variant(&self.built(gate), number), &self.key).expect("signed");
            self.write(&format!("gates/{number}.wasm"), signed);
            text += &format!("[gate.g{number}]\nmodule = \"gates/{number}.wasm\"\n{}", gate.table);
        }
        self.write(file, text);
    }

    /// The binary, with a home, a cache and a state of this place.
    pub(crate) fn portcullis(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(Path::new(env!("CARGO_BIN_EXE_portcullis")));
        command.args(arguments);
        command
    }

    /// A program that finds only what is here.
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.root.path()).env_clear().env("HOME", self.path("home"));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command
    }

    /// The same with cargo and rustc, which take nothing from the network: all that is built is in the lock file.
    pub(crate) fn with_toolchain<'c>(&self, command: &'c mut Command) -> &'c mut Command {
        let home = PathBuf::from(env::var_os("HOME").unwrap_or_default());
        for (name, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            command.env(name, env::var_os(name).map_or_else(|| home.join(below), PathBuf::from));
        }
        command.envs(env::var_os("RUSTUP_TOOLCHAIN").map(|toolchain| ("RUSTUP_TOOLCHAIN", toolchain)));
        command.envs(env::var_os("PATH").map(|path| ("PATH", path))).env("CARGO_NET_OFFLINE", "true");
        command.stderr(Stdio::inherit())
    }

    /// A process that does nothing: what every other one is compared with. Dynamic, as rustc links without being told, or
    /// static, where the machine has the libraries for it.
    pub(crate) fn empty(&self, linked: &str) -> Option<PathBuf> {
        self.write("empty.rs", "fn main() {\n}\n");
        let program = self.path(&format!("empty-{linked}"));
        let mut rustc = self.command(Path::new("rustc"));
        rustc.args(["-O", "empty.rs", "-o"]).arg(&program);
        if linked == "static" {
            rustc.args(["-Ctarget-feature=+crt-static", "-Crelocation-model=static"]);
        }
        let status = self.with_toolchain(&mut rustc).status().expect("rustc is there");
        status.success().then_some(program)
    }
}

/// A file of the workspace.
pub(crate) fn workspace(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(name)
}

/// Copies a folder of files and folders.
pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("listed") {
        let path = entry.expect("listed").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, target).expect("copied");
        }
    }
}

/// The same module with another content digest.
fn variant(module: &[u8], number: usize) -> Vec<u8> {
    padded(module, &(number as u64).to_le_bytes())
}

/// `module` with a custom section behind it.
pub(crate) fn padded(module: &[u8], payload: &[u8]) -> Vec<u8> {
    const NAME: &[u8] = b"bench";
    let mut bytes = module.to_vec();
    bytes.push(0);
    let mut size = 1 + NAME.len() + payload.len();
    while size >= 0x80 {
        bytes.push(size as u8 | 0x80);
        size >>= 7;
    }
    bytes.extend([size as u8, NAME.len() as u8]);
    bytes.extend_from_slice(NAME);
    bytes.extend_from_slice(payload);
    bytes
}
