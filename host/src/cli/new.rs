//! `portcullis new`: a gate crate that builds, with a test and cases.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use portcullis::{
    diagnostic::Diagnostic,
    files::{FileError, shown},
    text::printable,
};
use portcullis_sdk::Kind;

use super::{Exit, Failure, Outcome, templates, templates::File, term};

/// Words that cargo or rustc does not take as a package's name, and the name of the sdk.
const RESERVED: &str = "abstract alloc as async await become box break build const continue core crate deps do dyn else enum \
    examples extern false final fn for gen if impl in incremental let loop macro match mod move mut override \
    portcullis-sdk priv proc-macro proc_macro pub ref return self static std struct super test trait true try type typeof unsafe \
    unsized use virtual where while yield";

/// Make a gate crate that builds, with a test
#[derive(clap::Args)]
#[command(after_help = "Example:\n  portcullis new release-notes --kind gate")]
pub(crate) struct Args {
    /// The gate's name, which becomes its package's, its module's and its folder's
    name: String,
    /// What it is asked and what it answers
    #[arg(long, value_enum)]
    kind: KindName,
    /// The folder to make it in [default: this one]
    #[arg(long, value_name = "DIR")]
    path: Option<PathBuf>,
    /// Use this sdk instead of a copy within the crate
    #[arg(long, value_name = "DIR")]
    sdk: Option<PathBuf>,
}

#[derive(Clone, Copy, ValueEnum)]
enum KindName {
    /// Documents, judged by named checks
    Readiness,
    /// Evidence: pass, fail, review or not applicable
    Gate,
    /// One document at a time: findings
    Validator,
    /// What a run did: runtime evidence
    Probe,
}

impl From<KindName> for Kind {
    fn from(kind: KindName) -> Self {
        match kind {
            KindName::Readiness => Self::Readiness,
            KindName::Gate => Self::Gate,
            KindName::Validator => Self::Validator,
            KindName::Probe => Self::Probe,
        }
    }
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        check_name(&self.name)?;
        let place = self.path.clone().unwrap_or_default().join(&self.name);
        if place.symlink_metadata().is_ok() {
            return Err(taken(&place));
        }
        let sdk = self.sdk.as_deref().map(own_sdk).transpose()?;
        make(&place, &files(&self.name, self.kind.into(), sdk.as_deref()))?;
        let folder = shown(&place);
        term::out_line(&folder)?;
        term::say(&format!("Next:\n  cd {folder}\n  cargo test\n  portcullis test\n  portcullis build"));
        Ok(Exit::Ok)
    }
}

/// A module's name that cargo takes as a package's too.
fn check_name(name: &str) -> Result<(), Failure> {
    let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
    let rest = name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_-".contains(&byte));
    let why = if !first || !rest || name.len() > 64 {
        "a gate's name is a lower-case letter and up to 63 more, digits, `-` or `_`"
    } else if RESERVED.split_whitespace().any(|word| word == name) {
        "Rust, cargo or the sdk has taken it"
    } else {
        return Ok(());
    };
    let message = format!("`{}` cannot be a gate's name: {why}", printable(name));
    Err(Failure::usage(Diagnostic::new("bad-name", message).help("such as release-notes")))
}

fn taken(place: &Path) -> Failure {
    let message = format!("`{}` is there already, and nothing is overwritten", shown(place));
    Failure::usage(Diagnostic::new("exists", message).help("choose another name, or --path DIR"))
}

/// The absolute path of an sdk that the user has.
fn own_sdk(folder: &Path) -> Result<String, Failure> {
    let manifest = fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default();
    let is_sdk = manifest.parse::<toml::Table>().is_ok_and(|manifest| {
        manifest
            .get("package")
            .and_then(|package| package.get("name"))
            .is_some_and(|name| name.as_str() == Some("portcullis-sdk"))
    });
    let path = folder.canonicalize().ok().filter(|_| is_sdk).and_then(|path| path.into_os_string().into_string().ok());
    path.ok_or_else(|| {
        let message = format!("`{}` is not the crate `portcullis-sdk`", shown(folder));
        Failure::usage(Diagnostic::new("no-sdk", message).help("leave --sdk out, and the crate gets a copy of it"))
    })
}

/// All files of the crate, by path.
fn files(name: &str, kind: Kind, sdk: Option<&str>) -> Vec<(PathBuf, String)> {
    let kind_name = kind.name();
    let filled = |text: &str| {
        let sdk = toml_text(sdk.unwrap_or("sdk"));
        let text = text.replace("{{name}}", name).replace("{{kind}}", kind_name).replace("\"{{sdk}}\"", &sdk);
        text.replace("{{version}}", env!("CARGO_PKG_VERSION"))
    };
    let own =
        templates::COMMON.into_iter().chain(templates::gate(kind)).map(|(path, text)| (path.into(), filled(text)));
    let of_sdk = |(path, text): &File| (Path::new("sdk").join(path), (*text).to_owned());
    let copied = templates::SDK.iter().map(of_sdk).chain([("sdk/Cargo.toml".into(), filled(templates::SDK_MANIFEST))]);
    if sdk.is_some() { own.collect() } else { own.chain(copied).collect() }
}

/// `text` as a string of TOML, which spells strings like JSON.
fn toml_text(text: &str) -> String {
    serde_json::json!(text).to_string()
}

/// Writes the crate beside its place and moves it there: whole, or not at all.
fn make(place: &Path, files: &[(PathBuf, String)]) -> Result<(), Failure> {
    let failed = |error: io::Error| FileError::Write(place.to_owned(), error);
    let around = place.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut builder = tempfile::Builder::new();
    builder.prefix(".portcullis-").permissions(fs::Permissions::from_mode(0o755));
    let folder = builder.tempdir_in(around).map_err(failed)?;
    for (path, text) in files {
        let path = folder.path().join(path);
        path.parent().map_or(Ok(()), fs::create_dir_all).map_err(failed)?;
        fs::write(&path, text).map_err(failed)?;
    }
    // A rename takes the place of an empty folder at most, should one have come up meanwhile.
    fs::rename(folder.path(), place).map_err(failed)?;
    // It is no longer there to be removed.
    let _ = folder.keep();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_one_that_modules_and_cargo_both_take() {
        for name in ["a", "release-notes", "a1_b-2", &"a".repeat(64)] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in [
            "",
            "A",
            "1a",
            "-a",
            "a.b",
            "a b",
            "ä",
            "a/b",
            "../a",
            "fn",
            "test",
            "std",
            "portcullis-sdk",
            &"a".repeat(65),
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn a_crate_comes_whole_and_never_over_something() {
        let folder = tempfile::tempdir().expect("a folder");
        let place = folder.path().join("a");
        make(&place, &files("a", Kind::Gate, None)).expect("made");
        assert!(place.join("sdk/src/lib.rs").is_file() && place.join(".gitignore").is_file());
        assert_eq!(fs::metadata(&place).expect("there").permissions().mode() & 0o700, 0o700);
        assert!(make(&place, &[("b".into(), String::new())]).is_err());
        assert!(!place.join("b").exists());
        assert!(make(&folder.path().join("gone/a"), &[]).is_err());
        assert_eq!(fs::read_dir(folder.path()).expect("listed").count(), 1);
    }

    #[test]
    fn nothing_is_left_to_fill_in() {
        for kind in [Kind::Readiness, Kind::Gate, Kind::Validator, Kind::Probe] {
            for (path, text) in files("a-name", kind, Some("/x\"y")) {
                assert!(!text.contains("{{"), "{}: {text}", path.display());
                if path == Path::new("Cargo.toml") {
                    let manifest: toml::Table = text.parse().expect("TOML");
                    assert_eq!(manifest["dependencies"]["portcullis-sdk"]["path"].as_str(), Some("/x\"y"));
                }
            }
        }
    }

    #[test]
    fn every_kinds_cases_read_and_belong_together() {
        for kind in [Kind::Readiness, Kind::Gate, Kind::Validator, Kind::Probe] {
            for (path, text) in templates::gate(kind) {
                let path = path.strip_prefix("cases/").unwrap_or("");
                let read = match path.strip_suffix(portcullis::cases::INPUT) {
                    Some(_) => portcullis::cases::Question::read(text.as_bytes()).map(|_| ()),
                    None if path.is_empty() => Ok(()),
                    None => portcullis::cases::Expected::read(text.as_bytes()).map(|_| ()),
                };
                assert_eq!(read, Ok(()), "{kind:?} {path}");
            }
        }
    }
}
