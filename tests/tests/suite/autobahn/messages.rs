//! 1: messages of all lengths; 10: a message in many fragments.

use super::case::{Case, message, ping_of, text};
use tests::host::{Host, under_test};
use tests::wire::{BINARY, Frame};

const LENGTHS: [usize; 7] = [0, 125, 126, 127, 128, 65535, 65536];
/// API Gateway accepts no longer frames.
const MAX_FRAME: usize = 32 * 1024;

fn is_too_long(length: usize) -> bool {
    under_test() == Host::Functions && length > MAX_FRAME
}

/// The eighth case is the seventh, in pieces of this size.
const PIECE: usize = 997;

fn in_frames(case: Case, number: usize, frame: Frame) -> Case {
    if number == 8 { case.chopped(PIECE, [frame]) } else { case.send([frame]) }
}

pub(super) fn cases() -> Vec<Case> {
    let lengths = || LENGTHS.into_iter().chain([65536]).zip(1..);
    let texts = lengths().map(|(length, number)| {
        let payload = if length == 0 { Vec::new() } else { ping_of(length) };
        let case = in_frames(Case::new(format!("1.1.{number}")), number, text(payload));
        match length {
            0 => case.answered("error"),
            length if is_too_long(length) => case.closed(1009),
            _ => case.answered("pong"),
        }
    });
    let binaries = lengths().map(|(length, number)| {
        let case = in_frames(Case::new(format!("1.2.{number}")), number, Frame::new(BINARY, vec![0xfe; length]));
        case.closed(if is_too_long(length) { 1009 } else { 1003 })
    });
    let many = Case::new("10.1.1").send(message(ping_of(65536).chunks(1300))).answered("pong");
    texts.chain(binaries).chain([many]).collect()
}
