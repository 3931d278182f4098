//! By what is printed. Here it is only carried: whoever shows it makes it harmless, the command line in `output`.

use super::{armed, perl, printed_by};

#[tokio::test]
async fn what_is_printed_reaches_the_coordinator_as_it_was_printed() {
    let mut yard = armed().await;
    let script = r#"
        print "\e]0;your title\a\e[2J\e[31mred\r\n";
        print "2026-11-23T08:00:00.000000001Z a stamp of its own\n";
        print "\n[headframe] The log is longer than 30 MB; the rest was not kept.\n";
        print "\x01\0\0\0\0\0\0\x05frame\n{\"log\":\"a line\",\"stream\":\"stderr\"}\n";
        print "\xe2\x80\xae turned \xc2\x85 around\n no end";
    "#;
    let log = printed_by(&mut yard, perl(script)).await;
    let expected = "\u{1b}]0;your title\u{7}\u{1b}[2J\u{1b}[31mred\r\n\
        2026-11-23T08:00:00.000000001Z a stamp of its own\n\
        \n[headframe] The log is longer than 30 MB; the rest was not kept.\n\
        \u{1}\0\0\0\0\0\0\u{5}frame\n{\"log\":\"a line\",\"stream\":\"stderr\"}\n\
        \u{202e} turned \u{85} around\n no end";
    assert_eq!(log, expected);
    yard.close().await;
}
