//! A gate's entry in the decision record.

use portcullis_sdk::{Check, Json, Kind, RuntimeEvidence};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::{
    gate::{GateResult, Judged, ModuleRecord, SignOff},
    record::milliseconds,
};
use crate::{
    findings::Found,
    judge::{Cause, Fault},
    limits::{Exceeded, Limits},
    manifest::Enforcement,
};

/// An entry of `gates`, field by field as it is written.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct GateRecord<'a> {
    id: &'a str,
    kind: Kind,
    stage: &'a str,
    enforcement: Enforcement,
    outcome: &'static str,
    code: u32,
    code_name: &'static str,
    summary: &'a str,
    checks: &'a [Check],
    findings: &'a [Found],
    evidence: &'a [RuntimeEvidence],
    details: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<FaultRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<&'a SignOff>,
    module: &'a ModuleRecord,
    fuel_used: u64,
    fuel_limit: u64,
    memory_peak_bytes: u64,
    duration_ms: f64,
    params: &'a Map<String, Value>,
    inputs: &'a [Judged],
    limits: LimitsRecord,
}

/// A fault, as records write it.
#[derive(Serialize)]
pub(crate) struct FaultRecord<'a> {
    code: &'static str,
    message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    limit: Option<Exceeded>,
}

impl<'a> From<&'a Fault> for FaultRecord<'a> {
    fn from(fault: &'a Fault) -> Self {
        let limit = if let Cause::Limit(exceeded) = fault.cause { Some(exceeded) } else { None };
        Self { code: fault.cause.code(), message: &fault.message, limit }
    }
}

/// What a call of the gate was allowed, in the units that the names say; nothing where it grows with the input.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LimitsRecord {
    fuel: Option<u64>,
    memory_bytes: Option<u64>,
    time_ms: u64,
    table_elements: u64,
    stdout_bytes: u64,
    stderr_bytes: u64,
    input_bytes: u64,
    module_bytes: u64,
}

impl From<&Limits> for LimitsRecord {
    fn from(limits: &Limits) -> Self {
        Self {
            fuel: limits.fuel,
            memory_bytes: limits.memory,
            time_ms: u64::try_from(limits.time.as_millis()).unwrap_or(u64::MAX),
            table_elements: limits.table_elements,
            stdout_bytes: limits.stdout,
            stderr_bytes: limits.stderr,
            input_bytes: limits.input,
            module_bytes: limits.module,
        }
    }
}

impl Serialize for GateResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { gate, usage, .. } = self;
        let fault = self.fault().map(FaultRecord::from);
        let record = GateRecord {
            id: &gate.name,
            kind: gate.kind,
            stage: &gate.stage,
            enforcement: gate.enforcement,
            outcome: self.outcome.name(),
            code: self.code.number(),
            code_name: self.code.name(),
            summary: &self.summary,
            checks: &self.checks,
            findings: &self.findings,
            evidence: &self.evidence,
            details: self.details.as_ref(),
            fault,
            approval: self.sign_off.as_ref(),
            module: &gate.module,
            fuel_used: usage.fuel,
            fuel_limit: usage.fuel_limit,
            memory_peak_bytes: usage.memory_peak,
            duration_ms: milliseconds(usage.duration),
            params: &gate.params,
            inputs: &gate.judged,
            limits: LimitsRecord::from(&gate.limits),
        };
        record.serialize(serializer)
    }
}
