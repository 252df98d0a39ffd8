//! The texts that `portcullis new` writes: a crate for each kind, and the sdk, which no registry has.

use portcullis_sdk::Kind;

/// A file of the new crate: its path, and its text with `{{name}}` and the like in it.
pub(super) type File = (&'static str, &'static str);

/// What every crate has.
pub(super) const COMMON: [File; 3] = [
    ("Cargo.toml", include_str!("../../templates/Cargo.toml.in")),
    ("README.md", include_str!("../../templates/README.md.in")),
    (".gitignore", include_str!("../../templates/gitignore.in")),
];

macro_rules! gate {
    ($kind:literal) => {
        [
            ("src/main.rs", include_str!(concat!("../../templates/", $kind, "/main.rs.in"))),
            ("cases/pass.input.json", include_str!(concat!("../../templates/", $kind, "/pass.input.json"))),
            ("cases/pass.expected.json", include_str!(concat!("../../templates/", $kind, "/pass.expected.json"))),
            ("cases/fail.input.json", include_str!(concat!("../../templates/", $kind, "/fail.input.json"))),
            ("cases/fail.expected.json", include_str!(concat!("../../templates/", $kind, "/fail.expected.json"))),
        ]
    };
}

/// The gate itself and its cases.
pub(super) fn gate(kind: Kind) -> [File; 5] {
    match kind {
        Kind::Readiness => gate!("readiness"),
        Kind::Gate => gate!("gate"),
        Kind::Validator => gate!("validator"),
        Kind::Probe => gate!("probe"),
    }
}

/// The sdk's manifest: its own takes half of itself from the workspace it is developed in.
pub(super) const SDK_MANIFEST: &str = include_str!("../../templates/sdk.toml.in");

macro_rules! sdk {
    ($($path:literal,)*) => {
        &[$(($path, include_str!(concat!("../../../sdk/", $path)))),*]
    };
}

/// The sdk as it was when this program was built.
pub(super) const SDK: &[File] = sdk![
    "README.md",
    "src/answer.rs",
    "src/entry.rs",
    "src/evidence/command.rs",
    "src/evidence/exchange.rs",
    "src/evidence/look.rs",
    "src/evidence/mod.rs",
    "src/evidence/seconds.rs",
    "src/evidence/seen.rs",
    "src/evidence/value.rs",
    "src/fault.rs",
    "src/heap.rs",
    "src/json/access.rs",
    "src/json/block.rs",
    "src/json/block/vector.rs",
    "src/json/block/word.rs",
    "src/json/error.rs",
    "src/json/float.rs",
    "src/json/float/exact.rs",
    "src/json/float/guess.rs",
    "src/json/mod.rs",
    "src/json/reader.rs",
    "src/json/scan.rs",
    "src/json/scan/pass.rs",
    "src/json/serializer.rs",
    "src/json/serializer/name.rs",
    "src/json/write.rs",
    "src/kinds/checks.rs",
    "src/kinds/draft.rs",
    "src/kinds/evidence.rs",
    "src/kinds/findings.rs",
    "src/kinds/mod.rs",
    "src/kinds/ruling.rs",
    "src/lib.rs",
    "src/macros.rs",
    "src/protocol.rs",
    "src/request.rs",
    "src/schema.rs",
    "src/testing.rs",
    "src/text.rs",
    "src/utf8.rs",
    "src/wire/mod.rs",
    "src/wire/native.rs",
    "src/wire/wasi.rs",
];

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, path::Path};

    use super::*;

    const DEVELOPED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../sdk");

    #[test]
    fn every_source_of_the_sdk_is_written() {
        let sources = walkdir::WalkDir::new(Path::new(DEVELOPED).join("src"));
        let there: BTreeSet<String> = sources
            .into_iter()
            .map(|entry| entry.expect("the sdk can be walked").into_path())
            .filter(|path| path.is_file())
            .map(|path| path.strip_prefix(DEVELOPED).expect("below it").to_string_lossy().into_owned())
            .collect();
        let written = SDK.iter().map(|(path, _)| (*path).to_owned()).filter(|path| path != "README.md").collect();
        assert_eq!(there, written);
    }

    #[test]
    fn the_sdk_is_written_with_the_dependencies_and_features_it_is_developed_with() {
        let table = |text: &str| text.parse::<toml::Table>().expect("a manifest");
        let developed = std::fs::read_to_string(Path::new(DEVELOPED).join("Cargo.toml")).expect("the sdk's manifest");
        let (developed, written) = (table(&developed), table(SDK_MANIFEST));
        for name in ["serde", "serde_json"] {
            assert_eq!(developed["dependencies"][name], written["dependencies"][name], "{name}");
        }
        assert_eq!(developed["features"]["std"], written["features"]["std"]);
    }
}
