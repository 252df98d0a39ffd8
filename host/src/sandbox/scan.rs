//! What a module is, found out before anything is spent on it: size, functions, locals, imports, entry.
//!
//! No knob of the compiler bounds what a hostile module makes it do, so shapes that are known to blow up are refused here.
//! [`scan`] ends at the first reason to refuse; [`survey`] goes on and gathers them all, for people who want to know.

use wasmparser::{
    BinaryReaderError, CompositeInnerType, Encoding, ExternalKind, FuncType, Parser, Payload, TypeRef, ValType,
};

use super::{
    shape::{Export, Import, Memory, Shape, is_nested, section_name},
    wasi,
};
use crate::{
    limits::{Exceeded, Limit, Limits, ceiling},
    text::printable,
};

/// Bytes of a page of memory.
const PAGE: u64 = 64 << 10;
/// Tables that a module may have.
pub(super) const MAX_TABLES: u32 = 4;
/// Types that a module may declare; a usual gate has 30.
const MAX_TYPES: u32 = 10_000;

/// Sections that are listed; a usual gate has 15.
const MAX_SECTIONS: usize = 1_000;

/// Why a module is refused before it is compiled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ScanError {
    /// It is no WebAssembly, or a broken one.
    #[error("not a valid WebAssembly module: {0} (at byte {1})")]
    Invalid(String, usize),
    /// It is a component.
    #[error("a component; this host runs core modules with WASI preview 1")]
    Component,
    /// It asks for something that gates do not get.
    #[error("imports {0}, which no gate gets: only WASI preview 1 functions are offered")]
    ForeignImports(String),
    /// It has no `_start` that takes and gives nothing.
    #[error("exports no function `_start` without parameters and results, so it is no WASI command")]
    NoStart,
    /// It passes a limit.
    #[error("past a limit: {0}")]
    Limit(Exceeded),
}

impl ScanError {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(..) => "module-invalid",
            Self::Component => "component-unsupported",
            Self::ForeignImports(_) => "foreign-imports",
            Self::NoStart => "no-start",
            Self::Limit(exceeded) => crate::judge::Cause::Limit(*exceeded).code(),
        }
    }

    /// What the author can do.
    #[must_use]
    pub fn help(&self) -> Option<&'static str> {
        match self {
            Self::Invalid(..) => Some("look at it with `portcullis inspect FILE`"),
            Self::Component => Some("build the gate for wasm32-wasip1"),
            Self::ForeignImports(_) => {
                Some("a gate gets its request on stdin and nothing else; build it for wasm32-wasip1 without bindings")
            }
            Self::NoStart => Some("build a program, not a library: the gate needs a `main`"),
            Self::Limit(_) => None,
        }
    }
}

impl From<BinaryReaderError> for ScanError {
    fn from(error: BinaryReaderError) -> Self {
        Self::Invalid(printable(error.message()), error.offset())
    }
}

/// Looks `bytes` over without compiling or fully validating them.
///
/// # Errors
/// When the module would be refused whatever its signatures say.
pub fn scan(bytes: &[u8], limits: &Limits) -> Result<Shape, ScanError> {
    within(Limit::ModuleSize, bytes.len() as u64, limits.module)?;
    let mut survey = Survey { strict: true, ..Survey::default() };
    survey.all(bytes, limits)?;
    Ok(survey.shape)
}

/// Everything there is to know of `bytes`, and every reason to refuse them, each code once: as far as they can be read, which
/// for a broken file is up to where it breaks. A part that passes its limit is left out of the shape.
#[must_use]
pub fn survey(bytes: &[u8], limits: &Limits) -> (Shape, Vec<ScanError>) {
    let mut survey = Survey::default();
    let mut ended = within(Limit::ModuleSize, bytes.len() as u64, limits.module);
    ended = ended.and_then(|()| survey.all(bytes, limits));
    let mut problems = survey.problems;
    problems.extend(ended.err());
    (survey.shape, problems)
}

fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(3);
    let shown = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

#[derive(Default)]
struct Survey {
    /// Whether the first problem ends it.
    strict: bool,
    problems: Vec<ScanError>,
    shape: Shape,
    types: Vec<Option<FuncType>>,
    functions: Vec<u32>,
    start: Option<u32>,
    foreign: Vec<String>,
    /// Whether something that says what `_start` is was left out.
    is_partial: bool,
    /// How many modules and components deep the parser is in this file.
    depth: u32,
}

fn within(limit: Limit, used: u64, allowed: u64) -> Result<(), ScanError> {
    if used <= allowed { Ok(()) } else { Err(ScanError::Limit(Exceeded { limit, used, allowed })) }
}

impl Survey {
    fn all(&mut self, bytes: &[u8], limits: &Limits) -> Result<(), ScanError> {
        let mut parser = Parser::new(0);
        parser.set_features(super::engine::features());
        for payload in parser.parse_all(bytes) {
            self.payload(payload?, limits)?;
        }
        if !self.foreign.is_empty() {
            let foreign = listed(&self.foreign);
            self.note(ScanError::ForeignImports(foreign))?;
        }
        if self.is_partial { Ok(()) } else { self.check_start() }
    }

    /// Ends a strict survey; in the other, the problem is one of many, and told once.
    fn note(&mut self, problem: ScanError) -> Result<(), ScanError> {
        if self.strict {
            return Err(problem);
        }
        let is_same = |known: &ScanError| match (known, &problem) {
            (ScanError::Limit(one), ScanError::Limit(other)) => one.limit == other.limit,
            _ => *known == problem,
        };
        if !self.problems.iter().any(is_same) {
            self.problems.push(problem);
        }
        Ok(())
    }

    /// Whether a part is within its limit, so that it is looked at.
    fn take(&mut self, limit: Limit, used: u64, allowed: u64) -> Result<bool, ScanError> {
        match within(limit, used, allowed) {
            Ok(()) => Ok(true),
            Err(problem) => {
                // Types, imports, functions and exports are all it takes to know `_start`.
                self.is_partial |= limit == Limit::Functions;
                self.note(problem).map(|()| false)
            }
        }
    }

    fn payload(&mut self, payload: Payload<'_>, limits: &Limits) -> Result<(), ScanError> {
        match &payload {
            Payload::Version { encoding: Encoding::Component, .. } if self.depth == 0 => {
                self.is_partial = true;
                return self.note(ScanError::Component);
            }
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => self.depth += 1,
            Payload::End(_) => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        if let Some((id, range)) = payload.as_section()
            && self.depth <= u32::from(is_nested(&payload))
        {
            if self.shape.sections.len() < MAX_SECTIONS {
                self.shape.sections.push((section_name(id, &payload), range.len()));
            } else {
                self.shape.more_sections += 1;
            }
        }
        if self.problems.contains(&ScanError::Component) { Ok(()) } else { self.part(payload, limits) }
    }

    fn part(&mut self, payload: Payload<'_>, limits: &Limits) -> Result<(), ScanError> {
        let most = u64::from(limits.compile.functions);
        match payload {
            Payload::TypeSection(section)
                if self.take(Limit::Functions, section.count().into(), MAX_TYPES.into())? =>
            {
                for group in section {
                    self.types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                        CompositeInnerType::Func(ty) => Some(ty),
                        _ => None,
                    }));
                }
            }
            Payload::ImportSection(section) if self.take(Limit::Functions, section.count().into(), most)? => {
                for import in section.into_imports() {
                    self.import(import?);
                }
            }
            Payload::FunctionSection(section) => {
                self.shape.functions = section.count();
                if self.take(Limit::Functions, section.count().into(), most)? {
                    for ty in section {
                        self.functions.push(ty?);
                    }
                }
            }
            Payload::TableSection(section) => {
                self.shape.tables = self.shape.tables.saturating_add(section.count());
                if self.take(Limit::Instances, self.shape.tables.into(), MAX_TABLES.into())? {
                    for table in section {
                        self.shape.table_elements = self.shape.table_elements.saturating_add(table?.ty.initial);
                    }
                    self.take(Limit::Tables, self.shape.table_elements, ceiling::TABLE_ELEMENTS)?;
                }
            }
            Payload::MemorySection(section) if self.take(Limit::Instances, section.count().into(), 1)? => {
                for memory in section {
                    let memory = memory?;
                    self.take(Limit::Memory, memory.initial.saturating_mul(PAGE), ceiling::MEMORY)?;
                    self.shape.memories.push(Memory { initial: memory.initial, maximum: memory.maximum });
                }
            }
            Payload::ExportSection(section) if self.take(Limit::Functions, section.count().into(), most)? => {
                for export in section {
                    self.export(export?);
                }
            }
            Payload::CodeSectionEntry(body) => self.function(&body, limits)?,
            _ => {}
        }
        Ok(())
    }

    fn function(&mut self, body: &wasmparser::FunctionBody<'_>, limits: &Limits) -> Result<(), ScanError> {
        let mut locals = 0_u64;
        for group in body.get_locals_reader()? {
            locals = locals.saturating_add(group?.0.into());
        }
        let size = (Limit::FunctionSize, body.range().len() as u64, limits.compile.function_size);
        let locals = (Limit::Locals, locals, limits.compile.locals);
        for (limit, used, allowed) in [size, locals] {
            if let Err(problem) = within(limit, used, allowed.into()) {
                self.note(problem)?;
            }
        }
        Ok(())
    }

    fn export(&mut self, export: wasmparser::Export<'_>) {
        if export.name == "_start" && export.kind == ExternalKind::Func {
            self.start = Some(export.index);
        }
        let kind = match export.kind {
            ExternalKind::Func | ExternalKind::FuncExact => "function",
            ExternalKind::Table => "table",
            ExternalKind::Memory => "memory",
            ExternalKind::Global => "global",
            ExternalKind::Tag => "tag",
        };
        self.shape.exports.push(Export { kind, name: export.name.to_owned() });
    }

    fn import(&mut self, import: wasmparser::Import<'_>) {
        let offered = match import.ty {
            TypeRef::Func(index) if import.module == wasi::MODULE => {
                let wanted = self.types.get(index as usize).and_then(Option::as_ref);
                wanted.is_some_and(|ty| wasi::signature(import.name).is_some_and(|offered| fits(offered, ty)))
            }
            _ => false,
        };
        if let TypeRef::Func(index) = import.ty {
            self.functions.push(index);
        }
        let seen = Import { module: import.module.to_owned(), name: import.name.to_owned(), offered };
        if !offered {
            self.foreign.push(seen.shown());
        }
        self.shape.imports.push(seen);
    }

    fn check_start(&mut self) -> Result<(), ScanError> {
        let ty = self
            .start
            .and_then(|index| self.functions.get(index as usize))
            .and_then(|ty| self.types.get(*ty as usize)?.as_ref());
        match ty {
            Some(ty) if ty.params().is_empty() && ty.results().is_empty() => Ok(()),
            _ => self.note(ScanError::NoStart),
        }
    }
}

/// Whether `ty` is the function type that `signature` spells: parameters, then `>`, then results, `i` for i32, `l` for i64.
fn fits(signature: &str, ty: &FuncType) -> bool {
    let spell = |types: &[ValType]| {
        types
            .iter()
            .map(|ty| match ty {
                ValType::I32 => 'i',
                ValType::I64 => 'l',
                _ => '?',
            })
            .collect::<String>()
    };
    signature == format!("{}>{}", spell(ty.params()), spell(ty.results()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expect: &[&str]) {
        let bytes = wat::parse_str(text).expect(text);
        let (shape, problems) = survey(&bytes, &Limits::default());
        let codes: Vec<_> = problems.iter().map(ScanError::code).collect();
        assert_eq!(codes, expect, "{}", &text[..text.len().min(200)]);
        match scan(&bytes, &Limits::default()) {
            Ok(found) => assert_eq!((found, expect.is_empty()), (shape, true)),
            Err(problem) => assert!(expect.contains(&problem.code()), "{problem}"),
        }
    }

    const WRITE: &str = r#"(import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))"#;

    #[test]
    fn a_survey_gathers_every_reason_and_a_scan_ends_at_one() {
        check(&format!(r#"(module {WRITE} (memory 1) (func (export "_start")))"#), &[]);
        check(r#"(module (func (export "_start") (result i32) i32.const 0))"#, &["no-start"]);
        let locals = "(local i64) ".repeat(1_001);
        let text = format!(
            r#"(module (import "env" "f" (func)) {WRITE} (func {locals}) (func {locals})
                (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref) (table 1 funcref))"#
        );
        check(&text, &["instance-limit", "locals-limit", "foreign-imports", "no-start"]);
        check("(component (core module (memory 1) (memory 1)))", &["component-unsupported"]);
    }

    #[test]
    fn a_broken_file_is_surveyed_up_to_where_it_breaks() {
        let whole = wat::parse_str(r#"(module (memory 1 2) (func (export "_start")))"#).expect("a module");
        for length in 8..whole.len() {
            let (shape, problems) = survey(&whole[..length], &Limits::default());
            assert!(!problems.is_empty(), "{length} bytes");
            assert!(shape.sections.len() <= 5, "{length} bytes");
        }
        let (shape, _) = survey(&whole, &Limits::default());
        assert_eq!(shape.memories, [Memory { initial: 1, maximum: Some(2) }]);
        assert_eq!(shape.exports, [Export { kind: "function", name: "_start".to_owned() }]);
        let names: Vec<&str> = shape.sections.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["type", "function", "memory", "export", "code"]);
    }

    #[test]
    fn a_file_of_a_million_sections_is_counted_and_not_listed() {
        let bytes = [b"\0asm\x01\0\0\0".as_slice(), &b"\0\x01\0".repeat(1_000_000)].concat();
        let (shape, _) = survey(&bytes, &Limits::default());
        assert_eq!((shape.sections.len(), shape.more_sections), (MAX_SECTIONS, 999_000));
    }
}
