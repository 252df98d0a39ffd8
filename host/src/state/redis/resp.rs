//! The wire: version 2 of the Redis protocol. A server's bytes are hostile: each line, text, list and depth has its limit, and
//! nothing is allocated because a length says so.

use std::io::{self, BufRead, Read as _};

use crate::state::MAX_VALUE;

/// The longest line: an error of a server is a sentence.
const MAX_LINE: u64 = 4 << 10;
/// The longest text: a value and what stands in front of it.
const MAX_TEXT: usize = MAX_VALUE + 1024;
/// The longest list.
const MAX_LIST: usize = 4_096;
/// A list in a list, and no list in that.
const MAX_DEPTH: usize = 2;
/// The most bytes of texts in one reply.
const MAX_REPLY: usize = 16 << 20;
/// What is made ready for a text before any of it has come.
const AT_FIRST: usize = 16 << 10;

/// What a server answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reply {
    Text(Vec<u8>),
    Number(i64),
    Nothing,
    List(Vec<Reply>),
    /// The server's own word for it: a code in capitals and a sentence.
    Error(String),
}

/// Why there is no reply.
#[derive(Debug)]
pub(super) enum NoReply {
    Lost(io::Error),
    Malformed(&'static str),
}

impl From<io::Error> for NoReply {
    fn from(error: io::Error) -> Self {
        Self::Lost(error)
    }
}

/// A command as it is sent: a list of texts.
pub(super) fn command(words: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(words.iter().map(|word| word.len() + 16).sum::<usize>() + 16);
    bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
    for word in words {
        bytes.extend_from_slice(format!("${}\r\n", word.len()).as_bytes());
        bytes.extend_from_slice(word);
        bytes.extend_from_slice(b"\r\n");
    }
    bytes
}

/// Reads one reply.
pub(super) fn reply(input: &mut impl BufRead) -> Result<Reply, NoReply> {
    read(input, 0, &mut { MAX_REPLY })
}

fn read(input: &mut impl BufRead, depth: usize, room: &mut usize) -> Result<Reply, NoReply> {
    let line = line(input)?;
    let (kind, rest) = line.split_first().ok_or(NoReply::Malformed("an empty line"))?;
    match kind {
        b'+' => Ok(Reply::Text(rest.to_vec())),
        b'-' => Ok(Reply::Error(String::from_utf8_lossy(rest).into_owned())),
        b':' => number(rest).map(Reply::Number),
        b'$' => Ok(match length(rest, MAX_TEXT, "a text that is too long")? {
            None => Reply::Nothing,
            Some(length) => Reply::Text(text(input, length, room)?),
        }),
        b'*' => {
            let Some(length) = length(rest, MAX_LIST, "a list that is too long")? else { return Ok(Reply::Nothing) };
            if depth == MAX_DEPTH {
                return Err(NoReply::Malformed("lists in lists"));
            }
            (0..length).map(|_| read(input, depth + 1, room)).collect::<Result<_, _>>().map(Reply::List)
        }
        _ => Err(NoReply::Malformed("a line of no kind that there is")),
    }
}

/// A line without its end.
fn line(input: &mut impl BufRead) -> Result<Vec<u8>, NoReply> {
    let mut line = Vec::new();
    input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)?;
    if line.ends_with(b"\r\n") {
        line.truncate(line.len() - 2);
        Ok(line)
    } else if line.len() as u64 == MAX_LINE {
        Err(NoReply::Malformed("a line that is too long"))
    } else if line.ends_with(b"\n") {
        Err(NoReply::Malformed("a line with another end than it has here"))
    } else {
        Err(NoReply::Lost(io::ErrorKind::UnexpectedEof.into()))
    }
}

fn text(input: &mut impl BufRead, length: usize, room: &mut usize) -> Result<Vec<u8>, NoReply> {
    *room = room.checked_sub(length).ok_or(NoReply::Malformed("a reply that is too long"))?;
    let mut text = Vec::with_capacity(length.min(AT_FIRST));
    if input.by_ref().take(length as u64).read_to_end(&mut text)? < length {
        return Err(NoReply::Lost(io::ErrorKind::UnexpectedEof.into()));
    }
    let mut end = [0; 2];
    input.read_exact(&mut end)?;
    if &end == b"\r\n" { Ok(text) } else { Err(NoReply::Malformed("a text with another length than it says")) }
}

/// A length, or nothing where there is `-1`.
fn length(digits: &[u8], most: usize, too_long: &'static str) -> Result<Option<usize>, NoReply> {
    match number(digits)? {
        -1 => Ok(None),
        length => match usize::try_from(length) {
            Ok(length) if length <= most => Ok(Some(length)),
            Ok(_) => Err(NoReply::Malformed(too_long)),
            Err(_) => Err(NoReply::Malformed("a length below nothing")),
        },
    }
}

fn number(digits: &[u8]) -> Result<i64, NoReply> {
    let text = std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'));
    text.and_then(|text| text.parse().ok()).ok_or(NoReply::Malformed("a number that is none"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(bytes: &[u8]) -> Result<Reply, NoReply> {
        reply(&mut &*bytes)
    }

    fn malformed(bytes: &[u8]) -> &'static str {
        match read(bytes) {
            Err(NoReply::Malformed(why)) => why,
            other => panic!("{:?} {other:?}", String::from_utf8_lossy(bytes)),
        }
    }

    fn texts(words: &[&str]) -> Vec<Reply> {
        words.iter().map(|word| Reply::Text(word.as_bytes().to_vec())).collect()
    }

    #[test]
    fn replies_are_read_as_the_protocol_has_them() {
        for (bytes, expected) in [
            ("+OK\r\n", Reply::Text(b"OK".to_vec())),
            ("-ERR no\r\n", Reply::Error("ERR no".to_owned())),
            (":-7\r\n", Reply::Number(-7)),
            ("$3\r\na\r\n\r\n", Reply::Text(b"a\r\n".to_vec())),
            ("$0\r\n\r\n", Reply::Text(Vec::new())),
            ("$-1\r\n", Reply::Nothing),
            ("*-1\r\n", Reply::Nothing),
            ("*0\r\n", Reply::List(Vec::new())),
            ("*2\r\n+a\r\n*1\r\n+b\r\n", Reply::List(vec![texts(&["a"]).remove(0), Reply::List(texts(&["b"]))])),
        ] {
            assert_eq!(read(bytes.as_bytes()).expect(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn no_length_is_believed_past_its_limit() {
        for (bytes, why) in [
            ("$9223372036854775807\r\n", "a text that is too long"),
            ("$99999999999999999999999\r\n", "a number that is none"),
            ("$4195329\r\n", "a text that is too long"),
            ("$-2\r\n", "a length below nothing"),
            ("*9223372036854775807\r\n", "a list that is too long"),
            ("*4097\r\n", "a list that is too long"),
            ("*1\r\n*1\r\n*1\r\n+a\r\n", "lists in lists"),
            ("$3\r\nabcd\r\n", "a text with another length than it says"),
            ("$+3\r\nabc\r\n", "a number that is none"),
            (":\r\n", "a number that is none"),
            ("\r\n", "an empty line"),
            ("%1\r\n", "a line of no kind that there is"),
            ("HTTP/1.1 400 Bad Request\r\n", "a line of no kind that there is"),
            ("+OK\n", "a line with another end than it has here"),
        ] {
            assert_eq!(malformed(bytes.as_bytes()), why, "{bytes:?}");
        }
        assert_eq!(malformed(&[b'+'; 5 << 10]), "a line that is too long");
        assert_eq!(malformed("*1\r\n".repeat(100_000).as_bytes()), "lists in lists");
        let big = [format!("${MAX_VALUE}\r\n").as_bytes(), &vec![b'a'; MAX_VALUE], b"\r\n"].concat();
        assert_eq!(malformed(&[b"*5\r\n", big.repeat(5).as_slice()].concat()), "a reply that is too long");
        assert!(read(&big).is_ok());
    }

    #[test]
    fn what_ends_in_the_middle_is_lost() {
        for bytes in ["", "+O", "+OK\r", "$3\r\n", "$3\r\nab", "$3\r\nabc", "$3\r\nabc\r", "*2\r\n+a\r\n", "*4096\r\n"]
        {
            assert!(matches!(read(bytes.as_bytes()), Err(NoReply::Lost(_))), "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn a_command_is_read_back_as_the_list_that_it_is(words: Vec<Vec<u8>>) {
            let sent = command(&words.iter().map(Vec::as_slice).collect::<Vec<_>>());
            let expected = Reply::List(words.into_iter().map(Reply::Text).collect());
            prop_assert_eq!(read(&sent).expect("a list"), expected);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in "[-+:$*0-9a\r\n]{0,60}") {
            let _ = read(bytes.as_bytes());
        }
    }
}
