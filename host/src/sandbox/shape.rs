//! What a module is made of, as it is shown and compared.

use wasmparser::Payload;

use crate::text::excerpt;

/// What a module asks of the host, and what it is made of. Every name is the module's own: not fit for a terminal.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// What it imports, in its order.
    pub imports: Vec<Import>,
    /// What it exports, in its order.
    pub exports: Vec<Export>,
    /// Functions that it defines.
    pub functions: u32,
    /// Its memories; a usual gate has one.
    pub memories: Vec<Memory>,
    /// Tables that it defines.
    pub tables: u32,
    /// Elements that its tables start with, together.
    pub table_elements: u64,
    /// Its sections: name (custom sections as `custom "name"`) and size of the content in bytes, in order.
    pub sections: Vec<(String, usize)>,
    /// Sections past the first 1,000, which are counted and not listed.
    pub more_sections: usize,
}

/// One import.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The module that it is asked of.
    pub module: String,
    /// Its name there.
    pub name: String,
    /// Whether the host offers it, to its type.
    pub offered: bool,
}

/// One export.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// What it is: `function`, `memory`, …
    pub kind: &'static str,
    /// Its name.
    pub name: String,
}

/// A memory as it is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Pages that it starts with, of 64 KiB as gates have them.
    pub initial: u64,
    /// Pages that it may grow to; as many as the limit allows, if it does not say.
    pub maximum: Option<u64>,
}

impl Import {
    /// Fit for a terminal.
    pub(super) fn shown(&self) -> String {
        format!("`{}`", excerpt(&format!("{}.{}", self.module, self.name), 120))
    }
}

/// Whether the payload opens what the parser then goes into.
pub(super) fn is_nested(payload: &Payload<'_>) -> bool {
    matches!(payload, Payload::ModuleSection { .. } | Payload::ComponentSection { .. })
}

/// A section's name, for people who know the format.
pub(super) fn section_name(id: u8, payload: &Payload<'_>) -> String {
    match payload {
        Payload::CustomSection(custom) => return format!("custom \"{}\"", custom.name()),
        Payload::ModuleSection { .. } => return "core module".to_owned(),
        Payload::ComponentSection { .. } => return "component".to_owned(),
        Payload::InstanceSection(_) => return "core instance".to_owned(),
        Payload::CoreTypeSection(_) => return "core type".to_owned(),
        Payload::ComponentInstanceSection(_) => return "instance".to_owned(),
        Payload::ComponentAliasSection(_) => return "alias".to_owned(),
        Payload::ComponentTypeSection(_) => return "type".to_owned(),
        Payload::ComponentCanonicalSection(_) => return "canon".to_owned(),
        Payload::ComponentStartSection { .. } => return "start".to_owned(),
        Payload::ComponentImportSection(_) => return "import".to_owned(),
        Payload::ComponentExportSection(_) => return "export".to_owned(),
        _ => {}
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
