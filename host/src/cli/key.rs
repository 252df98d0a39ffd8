//! `portcullis key`: signing keys.

use std::{
    io::{BufRead, IsTerminal},
    path::PathBuf,
};

use clap::Subcommand;
use portcullis::{
    diagnostic::Diagnostic,
    digest::hex,
    files::{shown, write_durably},
    trust::{PrivateKey, PublicKey},
};
use zeroize::Zeroizing;

use super::{Exit, Failure, Outcome, host::random, modules, sign::with_ending, term};

/// The environment variable that a passphrase may stand in, for CI.
const VARIABLE: &str = "PORTCULLIS_PASSPHRASE";

/// Make and show signing keys
#[derive(clap::Args)]
#[command(after_help = "Example:\n  portcullis key new release && portcullis key show release.pub")]
pub(crate) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Subcommand)]
enum Action {
    /// Make a key pair: NAME.key (keep it) and NAME.pub (give it away)
    New {
        /// The files' name, with a folder if you like
        name: PathBuf,
        /// Keep the private key without a passphrase
        #[arg(long)]
        no_passphrase: bool,
    },
    /// Show a key: id, hint, and its public half in every form that is read
    Show {
        /// A public or private key, or `ed25519:BASE64`
        key: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

impl Args {
    pub(crate) fn execute(self) -> Outcome {
        match self.action {
            Action::New { name, no_passphrase } => new(&name, no_passphrase),
            Action::Show { key, json } => show(&key, json),
        }
    }
}

fn new(name: &std::path::Path, no_passphrase: bool) -> Outcome {
    let (private, public) = (with_ending(name, ".key"), with_ending(name, ".pub"));
    for path in [&private, &public] {
        if path.symlink_metadata().is_ok() {
            let problem = Diagnostic::new(
                "key-exists",
                format!("`{}` is there already, and a key is never overwritten", shown(path)),
            );
            return Err(Failure::usage(problem.help("choose another name, or move the old key away")));
        }
    }
    let key = generate()?;
    let pem = if no_passphrase {
        term::note(&format!("{} is not encrypted: whoever reads it signs as you", shown(&private)));
        key.to_pem()
    } else {
        let passphrase = new_passphrase()?;
        key.to_encrypted_pem(passphrase.as_bytes(), &random()?)
            .map_err(|error| Failure::blocked(Diagnostic::new(error.code(), error.to_string())))?
    };
    write_durably(&private, pem.as_bytes(), 0o600)?;
    write_durably(&public, key.public().to_spki_pem().as_bytes(), 0o644)?;
    term::out_line(&format!(
        "{}  private, keep it\n{}  public\nkey id {}",
        shown(&private),
        shown(&public),
        key.public().id()
    ))?;
    term::out_line(&format!("short  {}", key.public().to_short_form()))?;
    Ok(Exit::Ok)
}

/// A new private key.
pub(crate) fn generate() -> Result<PrivateKey, Failure> {
    Ok(PrivateKey::from_seed(&Zeroizing::new(random()?)))
}

fn show(path: &std::path::Path, json: bool) -> Outcome {
    let key = either_half(path)?;
    if json {
        let shown = serde_json::json!({
            "id": key.id().to_string(),
            "hint": hex(&key.hint()),
            "short": key.to_short_form(),
            "ssh": key.to_ssh_line(),
            "spki": key.to_spki_pem(),
        });
        term::out_line(&format!("{shown:#}"))?;
    } else {
        let lines = format!(
            "id    {}\nhint  {}\nshort {}\nssh   {}\n{}",
            key.id(),
            hex(&key.hint()),
            key.to_short_form(),
            key.to_ssh_line(),
            key.to_spki_pem()
        );
        term::out_line(lines.trim_end())?;
    }
    Ok(Exit::Ok)
}

/// The public key in a file of either half.
fn either_half(path: &std::path::Path) -> Result<PublicKey, Failure> {
    match modules::read_public_key(path) {
        Err(failure) if path.is_file() => match modules::read_private_key(path) {
            Ok(key) => Ok(key.public().clone()),
            Err(_) => Err(failure),
        },
        read => read,
    }
}

/// The passphrase of a key: from the environment, else from the terminal, else from a line of stdin.
pub(crate) fn passphrase(prompt: &str) -> Result<Zeroizing<String>, Failure> {
    if let Ok(passphrase) = std::env::var(VARIABLE) {
        return Ok(Zeroizing::new(passphrase));
    }
    let failed = |error: std::io::Error| {
        let problem = Diagnostic::new("no-passphrase", format!("the passphrase could not be read: {error}"));
        Failure::usage(problem.help(format!("set {VARIABLE}, or run in a terminal")))
    };
    if std::io::stdin().is_terminal() {
        return rpassword::prompt_password(prompt).map(Zeroizing::new).map_err(failed);
    }
    let mut line = Zeroizing::new(String::new());
    std::io::stdin().lock().read_line(&mut line).map_err(failed)?;
    let passphrase = Zeroizing::new(line.trim_end_matches(['\r', '\n']).to_owned());
    if passphrase.is_empty() {
        return Err(failed(std::io::Error::other("there is none")));
    }
    Ok(passphrase)
}

fn new_passphrase() -> Result<Zeroizing<String>, Failure> {
    let first = passphrase("New passphrase: ")?;
    let asks = std::env::var_os(VARIABLE).is_none() && std::io::stdin().is_terminal();
    if asks && passphrase("The same again: ")? != first {
        return Err(Failure::usage(Diagnostic::new("passphrases-differ", "the two passphrases differ")));
    }
    if first.is_empty() {
        let problem = Diagnostic::new("no-passphrase", "an empty passphrase protects nothing");
        return Err(Failure::usage(problem.help("say --no-passphrase if that is what you want")));
    }
    Ok(first)
}
