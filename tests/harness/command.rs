//! One run of a program, and what came of it.

use std::{
    io::{Read, Write},
    path::PathBuf,
    process::{Child, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;

use super::Dir;

/// A program that is about to run.
pub(crate) struct Command<'d> {
    dir: &'d Dir,
    inner: std::process::Command,
    told: String,
    stdin: Vec<u8>,
    stays_open: bool,
    within: Duration,
}

impl<'d> Command<'d> {
    pub(super) fn new<A: AsRef<str>>(dir: &'d Dir, program: &str, arguments: &[A]) -> Self {
        let mut inner = std::process::Command::new(program);
        inner.args(arguments.iter().map(AsRef::as_ref)).current_dir(dir.path("")).env_clear();
        inner.env("HOME", dir.path("home")).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        inner.env("XDG_CACHE_HOME", dir.base("cache")).env("XDG_STATE_HOME", dir.base("state"));
        inner.stdout(Stdio::piped()).stderr(Stdio::piped());
        let arguments: Vec<_> = arguments.iter().map(AsRef::as_ref).collect();
        let told = format!("{program} {}", arguments.join(" "));
        // Generous: the program is unoptimised, and another test may have the machine.
        Self { dir, inner, told, stdin: Vec::new(), stays_open: false, within: Duration::from_secs(90) }
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.inner.env(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.inner.env_remove(name);
        self
    }

    /// What cargo and rustc need to be found, and no network: everything that gates depend on, this workspace has too.
    pub(crate) fn with_toolchain(mut self) -> Self {
        let home = PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
        for (name, below) in [("CARGO_HOME", ".cargo"), ("RUSTUP_HOME", ".rustup")] {
            self.inner.env(name, std::env::var_os(name).map_or_else(|| home.join(below), PathBuf::from));
        }
        self.inner.envs(std::env::var_os("RUSTUP_TOOLCHAIN").map(|toolchain| ("RUSTUP_TOOLCHAIN", toolchain)));
        self.inner.env("CARGO_NET_OFFLINE", "true");
        self.within(Duration::from_secs(400))
    }

    pub(crate) fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.stdin = bytes.into();
        self
    }

    /// Nothing comes on stdin, and it does not end.
    pub(crate) fn stdin_stays_open(mut self) -> Self {
        self.stays_open = true;
        self
    }

    pub(crate) fn within(mut self, time: Duration) -> Self {
        self.within = time;
        self
    }

    pub(crate) fn stdout_to(mut self, path: &str) -> Self {
        let file = std::fs::OpenOptions::new().write(true).open(path).expect("opened");
        self.inner.stdout(file);
        self
    }

    /// Runs it to its end.
    pub(crate) fn run(self) -> Ended {
        self.start().wait()
    }

    /// Starts it.
    pub(crate) fn start(mut self) -> Running<'d> {
        let piped = self.stays_open || !self.stdin.is_empty();
        self.inner.stdin(if piped { Stdio::piped() } else { Stdio::null() });
        let mut child = self.inner.spawn().unwrap_or_else(|error| panic!("{}: {error}", self.told));
        if let Some(mut pipe) = child.stdin.take_if(|_| !self.stays_open) {
            let bytes = self.stdin;
            // Whoever does not read its input to the end closes the pipe.
            thread::spawn(move || pipe.write_all(&bytes));
        }
        let (stdout, stderr) = (reader(child.stdout.take()), reader(child.stderr.take()));
        Running { dir: self.dir, child, told: self.told, begun: Instant::now(), within: self.within, stdout, stderr }
    }
}

type Reader = thread::JoinHandle<Vec<u8>>;

fn reader(pipe: Option<impl Read + Send + 'static>) -> Reader {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        if let Some(mut pipe) = pipe {
            pipe.read_to_end(&mut bytes).expect("read");
        }
        bytes
    })
}

/// A program that runs.
pub(crate) struct Running<'d> {
    dir: &'d Dir,
    child: Child,
    told: String,
    begun: Instant,
    within: Duration,
    stdout: Reader,
    stderr: Reader,
}

impl Running<'_> {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Ends it as a power cut would: nothing of it gets to tidy up, and what it started is left to itself.
    pub(crate) fn kill(mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().expect("waited").is_some()
    }

    pub(crate) fn wait(mut self) -> Ended {
        let status = loop {
            if let Some(status) = self.child.try_wait().expect("waited") {
                break status;
            }
            if self.begun.elapsed() > self.within {
                let _ = self.child.kill();
                let _ = self.child.wait();
                panic!("`{}` hangs: {:?} are over", self.told, self.within);
            }
            thread::sleep(Duration::from_millis(2));
        };
        let text = |reader: Reader| String::from_utf8(reader.join().expect("read")).expect("output is UTF-8");
        let (stdout, stderr) = (text(self.stdout), text(self.stderr));
        let ended = Ended { status: status.code(), stdout, stderr, told: self.told, took: self.begun.elapsed() };
        ended.keeps_the_house_rules();
        self.dir.is_tidy();
        ended
    }
}

/// A program that ended.
#[derive(Debug)]
pub(crate) struct Ended {
    /// Nothing where a signal ended it.
    pub(crate) status: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) took: Duration,
    told: String,
}

impl Ended {
    /// No panic, and nothing that a terminal obeys or a reader does not see: stdout and stderr are pipes here, so there
    /// is no colour either.
    fn keeps_the_house_rules(&self) {
        for text in [&self.stdout, &self.stderr] {
            assert!(!text.contains("panicked at"), "{self}");
            let unsafe_to_show = |character: char| match character {
                '\n' | '\t' => false,
                '\u{ad}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' => true,
                '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{e0000}'..='\u{e007f}' => true,
                _ => character.is_control(),
            };
            assert!(!text.contains(unsafe_to_show), "something that a terminal obeys: {:?}\n{self}", text);
        }
    }

    #[track_caller]
    pub(crate) fn exits(&self, status: i32) -> &Self {
        assert_eq!(self.status, Some(status), "exit status\n{self}");
        self
    }

    /// That a text is in what it shows.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text) || self.stderr.contains(text), "says `{text}`\n{self}");
        self
    }

    /// That it is a problem with that code, told as one.
    #[track_caller]
    pub(crate) fn refuses_with(&self, code: &str) -> &Self {
        assert!(self.stderr.contains(&format!("error[{code}]: ")), "error[{code}]\n{self}");
        self
    }

    /// Its stdout.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}\n{self}"))
    }

    /// Its stdout, a document a line.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}\n{self}"));
        self.stdout.lines().map(read).collect()
    }
}

impl std::fmt::Display for Ended {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let cut = |text: &str| text.chars().take(4_000).collect::<String>();
        let Self { status, told, took, .. } = self;
        write!(f, "$ {told}\nstatus {status:?} after {took:?}\n")?;
        write!(f, "--- stdout\n{}\n--- stderr\n{}", cut(&self.stdout), cut(&self.stderr))
    }
}
