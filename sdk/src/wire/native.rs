//! The same contract for a gate built for the machine it is written on.

use std::io::{Read, Write};

use super::Stream;
use crate::Fault;

pub(crate) fn read_all() -> Result<Vec<u8>, Fault> {
    let mut bytes = Vec::new();
    match std::io::stdin().lock().read_to_end(&mut bytes) {
        Ok(_) => Ok(bytes),
        Err(_) => Err(Fault::bad_input("standard input cannot be read")),
    }
}

pub(crate) fn write_all(stream: Stream, bytes: &[u8]) {
    let written = match stream {
        Stream::Out => std::io::stdout().lock().write_all(bytes),
        Stream::Err => std::io::stderr().lock().write_all(bytes),
    };
    if written.is_err() {
        exit(3);
    }
}

pub(crate) fn exit(status: i32) -> ! {
    std::process::exit(status)
}
