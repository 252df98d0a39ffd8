//! What a module is, found out before anything is spent on it: size, functions, locals, imports, entry.
//!
//! No knob of the compiler bounds what a hostile module makes it do, so shapes that are known to blow up are refused here.

use wasmparser::{BinaryReaderError, CompositeInnerType, ExternalKind, FuncType, Parser, Payload, TypeRef, ValType};

use super::wasi;
use crate::{
    limits::{Exceeded, Limit, Limits},
    text::printable,
};

/// Tables that a module may have.
pub(super) const MAX_TABLES: u32 = 4;
/// Types that a module may declare; a usual gate has 30.
const MAX_TYPES: u32 = 10_000;

/// What a module asks of the host, and what it is made of.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Imported functions in the module's order.
    pub imports: Vec<Import>,
    /// Names of what it exports.
    pub exports: Vec<String>,
    /// Functions that it defines.
    pub functions: u32,
    /// Pages of 64 KiB that its memory starts with.
    pub memory_pages: u64,
    /// Elements that its tables start with, together.
    pub table_elements: u64,
    /// Its sections: name (custom sections as `custom "name"`) and size in bytes, in order.
    pub sections: Vec<(String, usize)>,
}

/// One import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The module that it is asked of.
    pub module: String,
    /// Its name there.
    pub name: String,
}

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
    let mut survey = Survey::default();
    within(Limit::ModuleSize, bytes.len() as u64, limits.module)?;
    let mut parser = Parser::new(0);
    parser.set_features(super::engine::features());
    for payload in parser.parse_all(bytes) {
        survey.payload(payload?, limits)?;
    }
    if !survey.foreign.is_empty() {
        return Err(ScanError::ForeignImports(listed(&survey.foreign)));
    }
    survey.check_start()?;
    Ok(survey.shape)
}

impl Import {
    fn shown(&self) -> String {
        let name = format!("{}.{}", self.module, self.name);
        format!("`{}`", printable(&name.chars().take(120).collect::<String>()))
    }
}

fn listed(names: &[String]) -> String {
    let more = names.len().saturating_sub(3);
    let shown = names.iter().take(3).cloned().collect::<Vec<_>>().join(", ");
    if more == 0 { shown } else { format!("{shown} and {more} more") }
}

#[derive(Default)]
struct Survey {
    shape: Shape,
    types: Vec<Option<FuncType>>,
    functions: Vec<u32>,
    start: Option<u32>,
    tables: u32,
    foreign: Vec<String>,
}

fn within(limit: Limit, used: u64, allowed: u64) -> Result<(), ScanError> {
    if used <= allowed { Ok(()) } else { Err(ScanError::Limit(Exceeded { limit, used, allowed })) }
}

impl Survey {
    fn payload(&mut self, payload: Payload<'_>, limits: &Limits) -> Result<(), ScanError> {
        if let Some((id, range)) = payload.as_section() {
            let name = section_name(id, &payload);
            self.shape.sections.push((name, range.len()));
        }
        match payload {
            Payload::Version { encoding: wasmparser::Encoding::Component, .. } => return Err(ScanError::Component),
            Payload::TypeSection(section) => {
                within(Limit::Functions, section.count().into(), MAX_TYPES.into())?;
                for group in section {
                    self.types.extend(group?.into_types().map(|ty| match ty.composite_type.inner {
                        CompositeInnerType::Func(ty) => Some(ty),
                        _ => None,
                    }));
                }
            }
            Payload::ImportSection(section) => {
                within(Limit::Functions, section.count().into(), limits.compile.functions.into())?;
                for import in section.into_imports() {
                    self.import(import?);
                }
            }
            Payload::FunctionSection(section) => {
                within(Limit::Functions, section.count().into(), limits.compile.functions.into())?;
                self.shape.functions = section.count();
                for ty in section {
                    self.functions.push(ty?);
                }
            }
            Payload::TableSection(section) => {
                self.tables += section.count();
                within(Limit::Instances, self.tables.into(), MAX_TABLES.into())?;
                for table in section {
                    self.shape.table_elements = self.shape.table_elements.saturating_add(table?.ty.initial);
                }
            }
            Payload::MemorySection(section) => {
                within(Limit::Instances, section.count().into(), 1)?;
                for memory in section {
                    self.shape.memory_pages = self.shape.memory_pages.saturating_add(memory?.initial);
                }
            }
            Payload::ExportSection(section) => {
                within(Limit::Functions, section.count().into(), limits.compile.functions.into())?;
                for export in section {
                    let export = export?;
                    if export.name == "_start" && export.kind == ExternalKind::Func {
                        self.start = Some(export.index);
                    }
                    self.shape.exports.push(export.name.to_owned());
                }
            }
            Payload::CodeSectionEntry(body) => {
                within(Limit::FunctionSize, body.range().len() as u64, limits.compile.function_size.into())?;
                let mut locals = 0_u64;
                for group in body.get_locals_reader()? {
                    locals = locals.saturating_add(group?.0.into());
                }
                within(Limit::Locals, locals, limits.compile.locals.into())?;
            }
            _ => {}
        }
        Ok(())
    }

    fn import(&mut self, import: wasmparser::Import<'_>) {
        let shown = Import { module: import.module.to_owned(), name: import.name.to_owned() };
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
        if !offered {
            self.foreign.push(shown.shown());
        }
        self.shape.imports.push(shown);
    }

    fn check_start(&self) -> Result<(), ScanError> {
        let ty = self
            .start
            .and_then(|index| self.functions.get(index as usize))
            .and_then(|ty| self.types.get(*ty as usize)?.as_ref());
        match ty {
            Some(ty) if ty.params().is_empty() && ty.results().is_empty() => Ok(()),
            _ => Err(ScanError::NoStart),
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

fn section_name(id: u8, payload: &Payload<'_>) -> String {
    if let Payload::CustomSection(custom) = payload {
        return format!("custom \"{}\"", custom.name());
    }
    const NAMES: [&str; 14] = [
        "custom",
        "type",
        "import",
        "function",
        "table",
        "memory",
        "global",
        "export",
        "start",
        "element",
        "code",
        "data",
        "data count",
        "tag",
    ];
    NAMES.get(usize::from(id)).map_or_else(|| format!("unknown ({id})"), |name| (*name).to_owned())
}
