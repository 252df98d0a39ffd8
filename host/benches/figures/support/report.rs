//! The table: what was measured, against what, and what was aimed at.

use std::fs;

use serde::Serialize;

/// One figure.
#[derive(Serialize)]
pub(crate) struct Row {
    part: &'static str,
    what: String,
    value: f64,
    unit: &'static str,
    ratio: Option<f64>,
    to: Option<&'static str>,
    target: Option<Target>,
}

/// What is aimed at: for the ratio where there is one, else for the figure itself.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Row {
    pub(crate) fn new(part: &'static str, what: impl Into<String>, value: f64, unit: &'static str) -> Self {
        Self { part, what: what.into(), value, unit, ratio: None, to: None, target: None }
    }

    /// The same figure as a multiple of another one of this session.
    pub(crate) fn times(self, ratio: f64, to: &'static str) -> Self {
        Self { ratio: Some(ratio), to: Some(to), ..self }
    }

    pub(crate) fn at_most(self, target: f64) -> Self {
        Self { target: Some(Target::AtMost(target)), ..self }
    }

    pub(crate) fn at_least(self, target: f64) -> Self {
        Self { target: Some(Target::AtLeast(target)), ..self }
    }

    fn markdown(&self) -> String {
        let Self { what, value, unit, ratio, to, .. } = self;
        let ratio = ratio.map_or_else(String::new, |ratio| format!("{} × {}", number(ratio), to.unwrap_or_default()));
        let reached = self.ratio.unwrap_or(*value);
        let (target, met) = match self.target {
            None => (String::new(), ""),
            Some(Target::AtMost(most)) => (format!("≤ {}", number(most)), if reached <= most { "yes" } else { "no" }),
            Some(Target::AtLeast(least)) => {
                (format!("≥ {}", number(least)), if reached >= least { "yes" } else { "no" })
            }
        };
        format!("| {what} | {} {unit} | {ratio} | {target} | {met} |", number(*value))
    }
}

/// Three digits that count, as a person would write them.
fn number(value: f64) -> String {
    match value.abs() {
        size if size >= 1_000.0 => {
            let whole = format!("{value:.0}");
            let (head, tail) = whole.split_at(whole.len() - 3);
            format!("{head},{tail}")
        }
        size if size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}").trim_end_matches(".0").to_owned(),
        _ => format!("{value:.2}").trim_end_matches('0').trim_end_matches('.').to_owned(),
    }
}

/// All figures of a session.
#[derive(Default)]
pub(crate) struct Report {
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn add(&mut self, row: Row) {
        self.rows.push(row);
    }

    /// As the README holds it.
    pub(crate) fn markdown(&self, smoke: bool) -> String {
        let mut lines = vec![machine()];
        if smoke {
            lines.push(
                "\nA smoke run: everything is small and done twice, so no figure says what it seems to.".to_owned(),
            );
        }
        let mut parts: Vec<&str> = self.rows.iter().map(|row| row.part).collect();
        parts.sort_unstable();
        parts.dedup();
        for part in parts {
            lines.push(format!("\n| {part} | figure | ratio | target | met |\n| --- | --- | --- | --- | --- |"));
            lines.extend(self.rows.iter().filter(|row| row.part == part).map(Row::markdown));
        }
        lines.join("\n")
    }

    pub(crate) fn json(&self) -> String {
        serde_json::json!({ "machine": machine(), "figures": self.rows }).to_string()
    }
}

/// What it was measured on, and how busy that was.
fn machine() -> String {
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let processors = read("/proc/cpuinfo");
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let kernel = read("/proc/sys/kernel/osrelease");
    let load = read("/proc/loadavg");
    format!(
        "{}, {cores} cores, Linux {}, wasmtime {}, load when it ended {}.",
        model.unwrap_or("unknown processor"),
        kernel.trim(),
        env!("WASMTIME_VERSION"),
        load.split(' ').next().unwrap_or("unknown")
    )
}
