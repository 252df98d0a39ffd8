//! Between cargo and rustc, so that a module's bytes follow from its source and not from the folder it lies in.
//!
//! Two things would let the folder in. Cargo names each crate by a hash that, for a path outside the workspace, has the
//! absolute path in it, and that name orders functions; here it is a hash of what the crate is. And paths stand in panic
//! messages; here each crate's folder is mapped to its name. Cargo offers the place for this itself (`RUSTC_WRAPPER`).

use std::{
    collections::BTreeSet,
    env,
    ffi::{OsStr, OsString},
    io::Write as _,
    os::unix::process::CommandExt as _,
    process::{Command, ExitCode},
};

use portcullis::digest::Digest;

/// Set for the cargo that we start: who has it in the environment was called in rustc's place.
pub(super) const MARK: &str = "PORTCULLIS_RUSTC";

/// Becomes rustc if cargo called this program in its place.
pub(super) fn serve() -> Option<ExitCode> {
    env::var_os(MARK)?;
    let mut arguments = env::args_os().skip(1);
    let rustc = arguments.next()?;
    let crates = Crate::of_cargo();
    let arguments: Vec<OsString> = arguments.collect();
    let error = Command::new(&rustc).args(crates.map_or(arguments.clone(), |it| it.settled(&arguments))).exec();
    let _ = writeln!(std::io::stderr(), "error: failed to start `{}`: {error}", rustc.display());
    Some(ExitCode::FAILURE)
}

/// The crate that cargo has compiled, as it tells in the environment.
struct Crate {
    name: String,
    version: String,
    folder: OsString,
    /// Where its build script writes.
    generated: Option<OsString>,
}

impl Crate {
    /// Nothing when cargo only asks rustc about itself.
    fn of_cargo() -> Option<Self> {
        Some(Self {
            name: env::var("CARGO_PKG_NAME").ok()?,
            version: env::var("CARGO_PKG_VERSION").ok()?,
            folder: env::var_os("CARGO_MANIFEST_DIR")?,
            generated: env::var_os("OUT_DIR"),
        })
    }

    fn settled(&self, arguments: &[OsString]) -> Vec<OsString> {
        let name = format!("metadata={}", self.identity(arguments).short());
        let is_name = |argument: &OsString| argument.as_encoded_bytes().starts_with(b"metadata=");
        let settled =
            arguments.iter().map(|argument| if is_name(argument) { name.clone().into() } else { argument.clone() });
        let place = format!("/{}-{}", self.name, self.version);
        let generated = self.generated.iter().map(|folder| remap(folder, &format!("{place}/generated")));
        settled.chain([remap(&self.folder, &place)]).chain(generated).collect()
    }

    /// All that tells one crate of a build from another, and nothing of where it lies.
    fn identity(&self, arguments: &[OsString]) -> Digest {
        let behind = |flags: &'static [&str]| {
            arguments.windows(2).filter_map(move |pair| match pair {
                [flag, value] if flags.iter().any(|known| flag == OsStr::new(known)) => value.to_str(),
                _ => None,
            })
        };
        let flags: BTreeSet<&str> = behind(&["--cfg", "--crate-name", "--crate-type", "--target"]).collect();
        let parts: Vec<&str> = [self.name.as_str(), &self.version].into_iter().chain(flags).collect();
        Digest::of(parts.join("\0").as_bytes())
    }
}

/// The flag that shows `folder` as `place` in whatever ends up in the bytes.
pub(super) fn remap(folder: &OsStr, place: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(folder);
    flag.push("=");
    flag.push(place);
    flag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settled(version: &str, folder: &str, arguments: &[&str]) -> Vec<String> {
        let arguments: Vec<OsString> = arguments.iter().map(OsString::from).collect();
        let version = version.to_owned();
        let it = Crate { name: "a".to_owned(), version, folder: folder.into(), generated: Some("/out".into()) };
        it.settled(&arguments).into_iter().map(|argument| argument.into_string().expect("text")).collect()
    }

    #[test]
    fn a_crates_name_follows_from_what_it_is_and_not_from_its_folder() {
        let of = |version, folder, hash: &str, cfg| {
            settled(version, folder, &["--crate-name", "a", "--cfg", cfg, "-C", &format!("metadata={hash}"), "-O"])[5]
                .clone()
        };
        let name = of("1.0.0", "/x", "1111", "feature=\"std\"");
        assert_eq!(name.len(), "metadata=".len() + 12);
        assert_eq!(name, of("1.0.0", "/else/where", "2222", "feature=\"std\""));
        assert_ne!(name, of("1.0.1", "/x", "1111", "feature=\"std\""));
        assert_ne!(name, of("1.0.0", "/x", "1111", "feature=\"alloc\""));
    }

    #[test]
    fn the_crates_own_folders_are_shown_as_its_name() {
        let remaps = ["--remap-path-prefix=/x=/a-1.0.0", "--remap-path-prefix=/out=/a-1.0.0/generated"];
        assert_eq!(settled("1.0.0", "/x", &["src/main.rs"]), [&["src/main.rs"], &remaps[..]].concat());
    }
}
