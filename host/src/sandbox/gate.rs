//! From bytes to something that can be called.

use std::{fmt, ops::Deref, sync::atomic::AtomicBool};

use wasmtime::{Engine, InstancePre, Linker, Module};

use super::{
    artifact::Artifact,
    cache::{Cache, CacheError},
    call::{self, Buffers, Ended, Exports, Setting},
    compile::{CompileError, Compiler},
    engine::{self, Throughput, Tier},
    scan::{ScanError, scan},
    wasi::{self, Guest},
};
use crate::{
    digest::Digest,
    judge::{Cause, Fault},
    limits::{Exceeded, Limit, Limits},
    trust::VerifiedModule,
};

/// Loads modules and holds what they share.
pub struct Sandbox {
    engine: Engine,
    compiler: Compiler,
    cache: Option<Cache>,
}

/// Something that can be called, whoever made it. It decides nothing: a decision asks for a [`Gate`].
pub struct Program {
    pre: InstancePre<Guest>,
    exports: Exports,
}

/// A program whose bytes the verifier has accepted. Only [`Sandbox::load`] makes one.
pub struct Gate(Program);

/// How a module is loaded.
#[derive(Clone, Copy, Debug)]
pub struct Loading<'a> {
    /// How much work goes into compiling it.
    pub tier: Tier,
    /// Whether it is the only module being compiled, so that all cores may work on it.
    pub alone: bool,
    /// Its limits.
    pub limits: &'a Limits,
}

/// A loaded module, and what is worth telling about it.
pub struct Loaded<T> {
    /// What can be called.
    pub program: T,
    /// Whether the compiled form came from the cache.
    pub cached: bool,
    /// Why the cache did not serve or was not written, when it should have.
    pub note: Option<CacheError>,
}

/// Why a module was not loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// It is refused before it is compiled.
    #[error(transparent)]
    Scan(#[from] ScanError),
    /// It was not compiled.
    #[error(transparent)]
    Compile(#[from] CompileError),
    /// wasmtime did not take what it made itself.
    #[error("the sandbox failed: {0}")]
    Engine(String),
}

impl LoadError {
    /// Whether this is about what the module is, so that it is refused, rather than about what compiling it took.
    #[must_use]
    pub fn refuses(&self) -> bool {
        match self {
            Self::Scan(error) => !matches!(error, ScanError::Limit(_)),
            Self::Compile(error) => matches!(error, CompileError::Refused(_)),
            Self::Engine(_) => false,
        }
    }

    /// The stable code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Scan(error) => error.code(),
            Self::Compile(CompileError::Limit(exceeded)) => Cause::Limit(*exceeded).code(),
            Self::Compile(CompileError::Interrupted) => Cause::Interrupted.code(),
            Self::Compile(_) => Cause::Compile.code(),
            Self::Engine(_) => Cause::Internal.code(),
        }
    }

    /// The same as a gate's fault.
    #[must_use]
    pub fn fault(&self) -> Fault {
        let cause = match self {
            Self::Scan(ScanError::Limit(exceeded)) | Self::Compile(CompileError::Limit(exceeded)) => {
                Cause::Limit(*exceeded)
            }
            Self::Compile(CompileError::Interrupted) => Cause::Interrupted,
            Self::Scan(_) | Self::Compile(_) => Cause::Compile,
            Self::Engine(_) => Cause::Internal,
        };
        Fault { cause, message: self.to_string() }
    }
}

impl From<wasmtime::Error> for LoadError {
    fn from(error: wasmtime::Error) -> Self {
        Self::Engine(format!("{error:#}"))
    }
}

impl Sandbox {
    /// A sandbox for as many calls as `throughput` says.
    ///
    /// # Errors
    /// When the machine does not let one be set up, such as for want of address space.
    pub fn new(throughput: Throughput, compiler: Compiler, cache: Option<Cache>) -> Result<Self, LoadError> {
        let engine = engine::running(throughput)?;
        Ok(Self { engine, compiler, cache })
    }

    /// A gate for a decision, from bytes that the verifier accepted.
    ///
    /// # Errors
    /// When the module is refused or does not compile.
    pub fn load(&self, module: &VerifiedModule, loading: Loading<'_>) -> Result<Loaded<Gate>, LoadError> {
        let loaded = self.program(module.content_digest(), module.bytes(), loading)?;
        Ok(Loaded { program: Gate(loaded.program), cached: loaded.cached, note: loaded.note })
    }

    /// A program for trying a module out. Nobody has verified it, so it decides nothing.
    ///
    /// # Errors
    /// As [`Sandbox::load`].
    pub fn load_unverified(&self, bytes: &[u8], loading: Loading<'_>) -> Result<Loaded<Program>, LoadError> {
        self.program(Digest::of(bytes), bytes, loading)
    }

    fn program(&self, digest: Digest, bytes: &[u8], loading: Loading<'_>) -> Result<Loaded<Program>, LoadError> {
        let size = bytes.len() as u64;
        if size > loading.limits.module {
            let exceeded = Exceeded { limit: Limit::ModuleSize, used: size, allowed: loading.limits.module };
            return Err(ScanError::Limit(exceeded).into());
        }
        let (found, mut note) = self.lookup(&digest, loading);
        if let Some(program) = found {
            return Ok(Loaded { program, cached: true, note });
        }
        scan(bytes, loading.limits)?;
        let compiled = self.compiler.compile(bytes, loading.tier, loading.alone, &loading.limits.compile)?;
        let artifact = Artifact::Bytes(compiled);
        let program = self.link(&artifact)?;
        if let (Some(cache), Artifact::Bytes(compiled)) = (&self.cache, &artifact) {
            note = cache.put(&digest, loading.tier, compiled).err().or(note);
        }
        Ok(Loaded { program, cached: false, note })
    }

    /// What is kept of that tier, and no other: code of another tier takes another amount of stack, and what a request comes
    /// to must not hang on what was compiled before. What does not load was made for another processor.
    fn lookup(&self, digest: &Digest, loading: Loading<'_>) -> (Option<Program>, Option<CacheError>) {
        let Some(cache) = &self.cache else { return (None, None) };
        match cache.get(digest, loading.tier, loading.limits.compile.artifact) {
            Ok(None) => (None, None),
            Ok(Some(artifact)) => match self.link(&artifact) {
                Ok(program) => (Some(program), None),
                Err(error) => (None, Some(CacheError::Unfit(error.to_string()))),
            },
            Err(error) => (None, Some(error)),
        }
    }

    fn link(&self, artifact: &Artifact) -> Result<Program, LoadError> {
        let module = match artifact {
            // SAFETY: the artifact comes from our compiling child over a pipe, or from the cache under a MAC that only this
            // user's key makes, bound to this wasmtime and these settings; both are what `precompile_module` gave.
            Artifact::Bytes(bytes) => unsafe { Module::deserialize(&self.engine, bytes) },
            Artifact::Sealed(file) => {
                let file = file.try_clone().map_err(|error| LoadError::Engine(error.to_string()))?;
                // SAFETY: as above, and the file is one in memory that was sealed before its bytes were trusted.
                unsafe { Module::deserialize_open_file(&self.engine, file) }
            }
        }?;
        Program::of(&module)
    }
}

impl Program {
    fn of(module: &Module) -> Result<Self, LoadError> {
        let mut linker = Linker::new(module.engine());
        wasi::offer(&mut linker, module)?;
        let start = module.get_export_index("_start").ok_or(ScanError::NoStart)?;
        let exports = Exports { start, memory: module.get_export_index("memory") };
        Ok(Self { pre: linker.instantiate_pre(module)?, exports })
    }

    /// The same program for one other thread, made for many calls. Threads that call one program wait for each other where
    /// it keeps its instances, and an instance that goes from one to the other takes its memory from core to core.
    ///
    /// # Errors
    /// When the machine does not let one more be set up, such as for want of address space.
    pub fn twin(&self) -> Result<Self, LoadError> {
        let engine = engine::running_alone()?;
        let artifact = self.pre.module().serialize()?;
        // SAFETY: the bytes are those that this program was loaded from, which were trusted then.
        let module = unsafe { Module::deserialize(&engine, artifact) }?;
        Self::of(&module)
    }

    /// Calls it once: the request is taken from `buffers`, stdout and stderr are left there. `now` is the guest's clock.
    pub fn call(
        &self,
        name: &str,
        now: jiff::Timestamp,
        limits: &Limits,
        cancelled: &'static AtomicBool,
        buffers: &mut Buffers,
    ) -> Ended {
        let now = u64::try_from(now.as_nanosecond()).unwrap_or(0);
        call::call(&self.pre, &self.exports, &Setting { name, now, limits, cancelled }, buffers)
    }
}

impl Deref for Gate {
    type Target = Program;

    fn deref(&self) -> &Program {
        &self.0
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Program")
    }
}
