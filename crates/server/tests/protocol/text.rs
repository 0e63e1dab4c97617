//! Section 6: text is UTF-8, and what is none is refused as soon as that shows.
//!
//! The sequences from 6.5 on follow Markus Kuhn's stress test for decoders of UTF-8.

use crate::suite::{Case, Chop, Suite};
use crate::wire::{CONTINUATION, FIN, TEXT, fragments, frame};

/// "Hello-µ@ßöäüàá-UTF-8!!"
const HELLO: &str = "Hello-\u{b5}@\u{df}\u{f6}\u{e4}\u{fc}\u{e0}\u{e1}-UTF-8!!";

/// "κόσμε"
const WORLD: &str = "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}";

#[test]
fn section_6_text_in_one_piece_and_in_fragments() {
    let mut suite = Suite::new();
    suite.add(Case::new("6.1.1").send([frame(FIN | TEXT, "")]).text(""));
    let three = |middle: &str| [frame(TEXT, ""), frame(CONTINUATION, middle), frame(FIN | CONTINUATION, "")];
    suite.add(Case::new("6.1.2").send(three("")).text(""));
    suite.add(Case::new("6.1.3").send(three("middle frame payload")).text("middle frame payload"));

    suite.add(Case::new("6.2.1").send([frame(FIN | TEXT, HELLO)]).text(HELLO));
    let (head, tail) = HELLO.split_at(13);
    suite.add(Case::new("6.2.2").send([frame(TEXT, head), frame(FIN | CONTINUATION, tail)]).text(HELLO));
    suite.add(Case::new("6.2.3").send(fragments(TEXT, HELLO.as_bytes(), 1)).text(HELLO));
    suite.add(Case::new("6.2.4").send(fragments(TEXT, WORLD.as_bytes(), 1)).text(WORLD));

    // A surrogate within text.
    let broken = [WORLD.as_bytes(), b"\xed\xa0\x80", b"edited"].concat();
    suite.add(Case::new("6.3.1").send([frame(FIN | TEXT, &broken)]).fails(1007));
    suite.add(Case::new("6.3.2").send(fragments(TEXT, &broken, 1)).fails(1007));

    // The end of the message is never sent. The wrong byte is the last that is: U+110000, or its first wrong byte alone.
    for (first_name, wrong) in [(1, &b"\xf4\x90\x80\x80"[..]), (2, b"\xf4\x90")] {
        let (head, tail) = wrong.split_at(if first_name == 1 { 0 } else { 1 });
        let head = [WORLD.as_bytes(), head].concat();
        let frames = [frame(TEXT, &head), frame(CONTINUATION, tail)];
        suite.add(Case::new(format!("6.4.{first_name}")).send_in(Chop::Frames, frames).fails(1007));
        let rest = [&head, tail, &b"edited"[..]].concat();
        let mut cut = frame(FIN | TEXT, &rest);
        cut.truncate(cut.len() - "edited".len());
        let case = Case::new(format!("6.4.{}", first_name + 2));
        suite.add(case.send_in(Chop::Bytes(6 + head.len()), [cut]).fails(1007));
    }
    suite.run(13);
}

#[test]
fn section_6_sequences_that_are_text() {
    let last_of = |plane: u32| [char::from_u32(plane << 16 | 0xfffe), char::from_u32(plane << 16 | 0xffff)];
    let no_characters = (0..=16).flat_map(last_of).map(|character| character.unwrap().to_string());
    let specials = (0xfff9..=0xffff).map(|code| char::from_u32(code).unwrap().to_string());
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let sections = [
        (5, texts(&["hello$world", "hello\u{a2}world", "hello\u{20ac}world", "hello\u{24b62}world", WORLD])),
        (7, texts(&["\0", "\u{80}", "\u{800}", "\u{10000}"])),
        (9, texts(&["\u{7f}", "\u{7ff}", "\u{ffff}", "\u{10ffff}"])),
        (22, no_characters.collect()),
        (23, specials.collect()),
    ];
    let mut suite = Suite::new();
    for (section, texts) in sections {
        for (index, text) in texts.iter().enumerate() {
            let case = Case::new(format!("6.{section}.{}", index + 1));
            suite.add(case.send([frame(FIN | TEXT, text)]).text(text.as_bytes()));
        }
    }
    suite.run(5 + 4 + 4 + 34 + 7);
}

#[test]
fn section_6_sequences_of_both_kinds() {
    let mut suite = Suite::new();
    let boundaries: [&[u8]; 5] =
        [b"\xed\x9f\xbf", b"\xee\x80\x80", b"\xef\xbf\xbd", b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80"];
    let prefixes = (1..=WORLD.len()).map(|len| &WORLD.as_bytes()[..len]);
    for (section, sequences) in [(6, prefixes.collect::<Vec<_>>()), (11, boundaries.to_vec())] {
        for (index, bytes) in sequences.into_iter().enumerate() {
            let case = Case::new(format!("6.{section}.{}", index + 1)).send([frame(FIN | TEXT, bytes)]);
            let is_text = std::str::from_utf8(bytes).is_ok();
            suite.add(if is_text { case.text(bytes) } else { case.fails(1007) });
        }
    }
    suite.run(11 + 5);
}

#[test]
fn section_6_sequences_that_are_no_text() {
    let lead_and_continuations =
        |lead: u8, continuation: u8, count: usize| [vec![lead], vec![continuation; count]].concat();
    let continuations = (1..=6).map(|len| [0x80, 0xbf].into_iter().cycle().take(len).collect::<Vec<u8>>());
    let unexpected = [vec![vec![0x80], vec![0xbf]], continuations.skip(1).collect(), vec![(0x80..0xbf).collect()]];
    let lonely = [0xc0..=0xdf, 0xe0..=0xef, 0xf0..=0xf7, 0xf8..=0xfb, 0xfc..=0xfd];
    let lonely = lonely.map(|leads| leads.flat_map(|lead| [lead, b' ']).collect::<Vec<u8>>());
    let lowest = [(0xc0, 0), (0xe0, 1), (0xf0, 2), (0xf8, 3), (0xfc, 4)];
    let highest = [(0xdf, 0), (0xef, 1), (0xf7, 2), (0xfb, 3), (0xfd, 4)];
    let short: Vec<Vec<u8>> = lowest
        .map(|(lead, count)| lead_and_continuations(lead, 0x80, count))
        .into_iter()
        .chain(highest.map(|(lead, count)| lead_and_continuations(lead, 0xbf, count)))
        .collect();
    let overlong =
        |last: u8| lowest.map(|(lead, count)| [lead_and_continuations(lead, 0x80, count), vec![last]].concat());
    let surrogates = [(0xa0, 0x80), (0xad, 0xbf), (0xae, 0x80), (0xaf, 0xbf), (0xb0, 0x80), (0xbe, 0x80), (0xbf, 0xbf)];
    let surrogate = |(middle, last): (u8, u8)| vec![0xed, middle, last];
    let pairs = surrogates[..4]
        .iter()
        .flat_map(|high| [(0xb0, 0x80), (0xbf, 0xbf)].map(|low| [surrogate(*high), surrogate(low)].concat()));

    let sections: [(usize, usize, Vec<Vec<u8>>); 12] = [
        (8, 2, vec![lead_and_continuations(0xf8, 0x80, 4), lead_and_continuations(0xfc, 0x80, 5)]),
        (
            10,
            3,
            [(0xf7, 3), (0xfb, 4), (0xfd, 5)].map(|(lead, count)| lead_and_continuations(lead, 0xbf, count)).into(),
        ),
        (12, 8, unexpected.concat()),
        (13, 5, lonely.into()),
        (14, 10, short.clone()),
        (15, 1, vec![short.concat()]),
        (16, 3, vec![vec![0xfe], vec![0xff], vec![0xfe, 0xfe, 0xff, 0xff]]),
        (17, 5, overlong(0xaf).into()),
        (
            18,
            5,
            vec![
                b"\xc1\xbf".into(),
                b"\xe0\x9f\xbf".into(),
                b"\xf0\x8f\xbf\xbf".into(),
                b"\xf8\x87\xbf\xbf\xbf".into(),
                b"\xfc\x83\xbf\xbf\xbf\xbf".into(),
            ],
        ),
        (19, 5, overlong(0x80).into()),
        (20, 7, surrogates.map(surrogate).into()),
        (21, 8, pairs.collect()),
    ];
    let mut suite = Suite::new();
    for (section, count, sequences) in sections {
        assert_eq!(sequences.len(), count, "6.{section}");
        for (index, bytes) in sequences.iter().enumerate() {
            assert!(std::str::from_utf8(bytes).is_err());
            let case = Case::new(format!("6.{section}.{}", index + 1));
            suite.add(case.send([frame(FIN | TEXT, bytes)]).fails(1007));
        }
    }
    suite.run(62);
}
