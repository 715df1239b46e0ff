//! 7: closing.

use super::case::{Case, ping_of, text};
use tests::wire::{CLOSE, CONTINUATION, Frame, PING};

const VALID: [u16; 13] = [1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999];
const INVALID: [u16; 9] = [0, 999, 1004, 1005, 1006, 1016, 1100, 2000, 2999];

pub(super) fn cases() -> Vec<Case> {
    let close = || Frame::close(1000, b"");
    let split = [text("fragment1").more(), close(), Frame::new(CONTINUATION, "fragment2")];
    // Autobahn's message is twice the maximum size.
    let long = [text(vec![b' '; 256 * 1024]), text(ping_of(0)), close(), Frame::new(PING, "")];
    let mut cases = vec![
        Case::new("7.1.1").send([text(ping_of(0))]).answered("pong"),
        Case::new("7.1.2").send([close(), close()]).closed(1000),
        Case::new("7.1.3").send([close(), Frame::new(PING, "")]).closed(1000),
        Case::new("7.1.4").send([close(), text(ping_of(0))]).closed(1000),
        Case::new("7.1.5").send(split).closed(1000),
        Case::new("7.1.6").send(long).closed(1009),
        Case::new("7.3.1").send([Frame::new(CLOSE, "")]).closed_without_code(),
        Case::new("7.3.2").send([Frame::new(CLOSE, "a")]).closed(1002),
        Case::new("7.3.3").send([close()]).closed(1000),
        Case::new("7.3.4").send([Frame::close(1000, b"Hello World!")]).closed(1000),
        Case::new("7.3.5").send([Frame::close(1000, &[b'*'; 123])]).closed(1000),
        Case::new("7.3.6").send([Frame::close(1000, &[b'*'; 124])]).closed(1002),
        Case::new("7.5.1").send([Frame::close(1000, b"\xce\xba\xe1\xbd\xb9\xed\xa0\x80edited")]).closed(1007),
    ];
    let coded = |group: u32, number: usize, code: u16| {
        Case::new(format!("7.{group}.{}", number + 1)).send([Frame::close(code, b"")])
    };
    cases.extend(VALID.iter().enumerate().map(|(number, code)| coded(7, number, *code).closed(*code)));
    cases.extend(INVALID.iter().enumerate().map(|(number, code)| coded(9, number, *code).closed(1002)));
    // Autobahn accepts any answer to these; RFC 6455 has no such codes.
    cases.extend([5000, 65535].into_iter().enumerate().map(|(number, code)| coded(13, number, code).closed(1002)));
    cases
}
