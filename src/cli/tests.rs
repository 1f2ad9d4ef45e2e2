//! Tests of the command line.

use std::ffi::OsString;

use super::*;
use crate::source::{Clock, Direction};

fn parse(line: &str) -> Result<Config, clap::Error> {
    let words = std::iter::once("rstscan").chain(line.split_whitespace());
    Config::from_arguments(Arguments::try_parse_from(words)?, &Surroundings::default())
}

#[track_caller]
fn refused(line: &str) -> ErrorKind {
    parse(line).unwrap_err().kind()
}

#[test]
fn arguments_are_well_formed() {
    Arguments::command().debug_assert();
}

#[test]
fn filter_words_are_joined_and_may_stand_before_options() {
    let words = Some(FilterText::Words("port 80 and not host a".to_owned()));
    assert_eq!(parse("-r f port 80 and not host a").unwrap().filter, words);
    let config = parse("-r f port 80 and -q not host a").unwrap();
    assert_eq!((config.filter, config.style.quiet), (words, 1));
    let after_dashes = Some(FilterText::Words("port 80 -q".to_owned()));
    assert_eq!(parse("-r f -- port 80 -q").unwrap().filter, after_dashes);
}

#[test]
fn files_in_their_order() {
    let files = ["b", "-", "a"].map(PathBuf::from).to_vec();
    assert_eq!(parse("-r b -r - -r a").unwrap().input, Input::Files(files));
}

#[test]
fn one_named_file_can_be_followed() {
    assert_eq!(parse("--follow -r f port 80").unwrap().input, Input::Followed(PathBuf::from("f")));
    for wrong in ["--follow -r -", "--follow -r a -r b", "--follow -V list", "--follow -i lo"] {
        assert_eq!(refused(wrong), ErrorKind::ArgumentConflict, "{wrong}");
    }
    assert_eq!(refused("--follow"), ErrorKind::MissingRequiredArgument);
}

#[test]
fn live_options() {
    let Input::Live(options) = parse("-i eth0").unwrap().input else { panic!("not live") };
    assert_eq!((options.snap_len, options.buffer_kib, options.promiscuous), (2048, 65_536, true));
    assert!(parse("-i eth0 --kernel").unwrap().kernel && !parse("-i eth0").unwrap().kernel);
    assert!(parse("-r a.pcap --kernel").is_err() && parse("--kernel").is_err());
    let line = "-i a -i b -Q in --immediate-mode -y EN10MB -j adapter_unsynced -I";
    let Input::Live(options) = parse(line).unwrap().input else { panic!("not live") };
    let expected = LiveOptions {
        interfaces: vec!["a".to_owned(), "b".to_owned()],
        direction: Direction::In,
        immediate: true,
        link_type: Some("EN10MB".to_owned()),
        clock: Clock::AdapterUnsynced,
        monitor: true,
        ..LiveOptions::default()
    };
    assert_eq!(options, expected);
    assert!(matches!(parse("-i a -L").unwrap().input, Input::ListLinkTypes(_)));
    let Input::Live(options) = parse("-i any -s0 -B 512 -p").unwrap().input else { panic!("not live") };
    assert_eq!((options.snap_len, options.buffer_kib, options.promiscuous), (262_144, 512, false));
}

#[test]
fn settle_time_differs_between_files_and_live() {
    assert_eq!(parse("-r f").unwrap().settle_ns, 3_000_000_000);
    assert_eq!(parse("-i lo").unwrap().settle_ns, 1_000_000_000);
    assert_eq!(parse("-i lo --settle 0.25").unwrap().settle_ns, 250_000_000);
    for wrong in ["-1", "nan", "inf", "1e9", "x"] {
        assert_eq!(refused(&format!("-r f --settle={wrong}")), ErrorKind::ValueValidation);
    }
}

#[test]
fn what_cannot_be_together() {
    for line in ["-r f -i lo", "-r f -D", "-r f -V g", "-i lo -D", "-r f -F x port 80", "-r f --json --count"] {
        assert_eq!(refused(line), ErrorKind::ArgumentConflict, "{line}");
    }
    assert_eq!(refused(""), ErrorKind::MissingRequiredArgument);
    assert_eq!(refused("-r f -c 0"), ErrorKind::ValueValidation);
    assert_eq!(refused("-i lo -s 262145"), ErrorKind::ValueValidation);
    assert_eq!(refused("-V"), ErrorKind::InvalidValue);
    assert_eq!(refused("--bogus"), ErrorKind::UnknownArgument);
}

#[test]
fn formats() {
    let format = |line: &str| parse(line).unwrap().style.format;
    assert_eq!(format("-r f"), Format::Text);
    assert_eq!(format("-r f --format json"), Format::Json);
    assert_eq!(format("-r f --json"), Format::Json);
    assert_eq!(format("-r f --count"), Format::Count);
    assert_eq!(format("-r f --format csv"), Format::Csv);
    assert_eq!(format("-r f --format markdown"), Format::Markdown);
}

#[test]
fn a_json_style_asks_for_json() {
    let chosen = |line: &str| parse(line).map(|config| (config.style.format, config.style.json)).unwrap();
    assert_eq!(chosen("-r f --json-style ecs"), (Format::Json, JsonStyle::Ecs));
    assert_eq!(chosen("-r f --format json --json-style otel"), (Format::Json, JsonStyle::Otel));
    assert_eq!(chosen("-r f --json --json-style zeek"), (Format::Json, JsonStyle::Zeek));
    assert_eq!(chosen("-r f --json"), (Format::Json, JsonStyle::Native));
    for line in
        ["-r f --format csv --json-style ecs", "-r f --format text --json-style ecs", "-r f --count --json-style ecs"]
    {
        assert_eq!(refused(line), ErrorKind::ArgumentConflict, "{line}");
    }
}

#[test]
fn parquet_is_not_for_terminals() {
    let words = ["rstscan", "-r", "f", "--format", "parquet"];
    let on = |terminal| {
        let surroundings = Surroundings { terminal, ..Surroundings::default() };
        Config::from_arguments(Arguments::try_parse_from(words).unwrap(), &surroundings)
    };
    assert_eq!(on(true).unwrap_err().kind(), ErrorKind::ArgumentConflict);
    #[cfg(feature = "parquet")]
    assert_eq!(on(false).unwrap().style.format, Format::Parquet);
    #[cfg(not(feature = "parquet"))]
    assert!(on(false).unwrap_err().to_string().contains("built without Parquet"));
}

#[test]
fn time_styles_are_those_of_tcpdump() {
    let time = |line: &str| parse(line).unwrap().style.time;
    assert_eq!(time("-r f"), TimeStyle::Clock);
    assert_eq!(time("-t -r f"), TimeStyle::None);
    assert_eq!(time("-tt -r f"), TimeStyle::Epoch);
    assert_eq!(time("-ttt -r f"), TimeStyle::Delta);
    assert_eq!(time("-tttt -r f"), TimeStyle::DateTime);
    assert_eq!(time("-ttttt -r f"), TimeStyle::SinceFirst);
}

#[test]
fn nano_and_micro_the_last_one_counts() {
    assert!(parse("-r f --nano").unwrap().style.nano);
    assert!(parse("-r f --micro --nano").unwrap().style.nano);
    assert!(!parse("-r f --nano --micro").unwrap().style.nano);
}

#[test]
fn habits_of_tcpdump_users_are_taken() {
    let config = parse("-nn -# -S -e -l -vv -r f").unwrap();
    let style = config.style;
    assert!(style.frame_numbers && style.absolute_numbers && style.link_header && config.line_buffered);
    assert_eq!(style.verbose, 2);
}

#[track_caller]
fn check_color(when: When, terminal: bool, variables: &[(&str, &str)], expected: bool) {
    let value = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| value.into());
    let surroundings = Surroundings {
        locale: [None, None, Some("C.UTF-8".into())],
        no_color: value("NO_COLOR"),
        clicolor: value("CLICOLOR"),
        clicolor_force: value("CLICOLOR_FORCE"),
        term: value("TERM"),
        terminal,
        columns: None,
        ..Surroundings::default()
    };
    assert_eq!(surroundings.color(when), expected, "{when:?} {terminal} {variables:?}");
}

#[test]
fn a_ladder_is_text() {
    assert!(parse("--ladder -r f").unwrap().style.ladder);
    assert_eq!(refused("--ladder --json -r f"), ErrorKind::ArgumentConflict);
}

#[test]
fn colour() {
    check_color(When::Auto, true, &[], true);
    check_color(When::Auto, false, &[], false);
    check_color(When::Auto, true, &[("TERM", "dumb")], false);
    check_color(When::Auto, true, &[("TERM", "xterm"), ("CLICOLOR", "1")], true);
    check_color(When::Auto, true, &[("CLICOLOR", "0")], false);
    check_color(When::Auto, true, &[("NO_COLOR", "1")], false);
    check_color(When::Auto, true, &[("NO_COLOR", "")], true);
    check_color(When::Auto, false, &[("CLICOLOR_FORCE", "1")], true);
    check_color(When::Auto, false, &[("CLICOLOR_FORCE", "0")], false);
    check_color(When::Auto, false, &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], false);
    check_color(When::Always, false, &[("NO_COLOR", "1"), ("CLICOLOR", "0"), ("TERM", "dumb")], true);
    check_color(When::Never, true, &[("CLICOLOR_FORCE", "1")], false);
}

#[test]
fn progress_is_for_terminals() {
    let shows = |line: &str, stderr_is_terminal, term: &str| {
        let words = std::iter::once("rstscan").chain(line.split_whitespace());
        let surroundings = Surroundings { stderr_is_terminal, term: Some(term.into()), ..Surroundings::default() };
        Config::from_arguments(Arguments::try_parse_from(words).unwrap(), &surroundings).unwrap().progress
    };
    assert!(shows("-r f", true, "xterm") && shows("-q -r f", true, "xterm"));
    assert!(!shows("-r f", false, "xterm") && !shows("-r f", true, "dumb"));
    assert!(!shows("-r f --no-progress", true, "xterm") && !shows("-qq -r f", true, "xterm"));
}

#[test]
fn topics_are_explained_by_their_ids() {
    let explained = |id: &str| parse(&format!("--explain {id}")).unwrap().input;
    assert_eq!(explained("list"), Input::Explain(Topic::List));
    assert_eq!(explained("forged"), Input::Explain(Topic::Class(crate::classify::Class::Forged)));
    assert_eq!(explained("injected"), Input::Explain(Topic::Cause(crate::classify::Cause::Injected)));
    assert_eq!(refused("--explain injected -r f"), ErrorKind::ArgumentConflict);
}

#[test]
fn an_unknown_topic_is_refused_in_one_line_with_the_nearest_id() {
    for (id, nearest) in [("lost-stat", "lost-state"), ("Forged", "forged"), ("timewait", "time-wait-collision")] {
        let text = parse(&format!("--explain {id}")).unwrap_err().to_string();
        assert_eq!(text.lines().count(), 1, "{text}");
        assert!(text.contains(&format!("perhaps '{nearest}'")), "{text}");
    }
}

#[test]
fn resets_are_chosen_by_terms() {
    let config = parse("-r f --only forged,lost-state --only 192.0.2.7:443 --not [2001:db8::7]:80,likely").unwrap();
    let terms = |words: &[&str]| words.iter().map(|word| Term::parse(word).unwrap()).collect::<Vec<_>>();
    let expected =
        Selection::new(terms(&["forged", "lost-state", "192.0.2.7:443"]), terms(&["[2001:db8::7]:80", "likely"]));
    assert_eq!(config.selection, expected);
    assert!(parse("-r f").unwrap().selection.is_all());
    for wrong in ["--only forgd", "--not 192.0.2", "--only forged,", "--not="] {
        assert_eq!(refused(&format!("-r f {wrong}")), ErrorKind::InvalidValue, "{wrong}");
    }
}

#[test]
fn folding() {
    let style = |line: &str| parse(&format!("-r f {line}")).unwrap().style;
    let grouping = |line: &str| style(line).grouping();
    assert_eq!(["", "-q", "-v"].map(grouping), [GroupBy::Service, GroupBy::None, GroupBy::None]);
    assert_eq!(grouping("-v --group-by pair"), GroupBy::Pair);
    assert_eq!(grouping("--group-by none"), GroupBy::None);
    assert_eq!(style("--max-resets 3").max_resets, Some(3));
    assert_eq!(refused("-r f --max-resets 0"), ErrorKind::ValueValidation);
    for wrong in ["--json --group-by cause", "--count --max-resets 3", "--format json --max-resets 3"] {
        assert_eq!(refused(&format!("-r f {wrong}")), ErrorKind::ArgumentConflict, "{wrong}");
    }
    assert_eq!(style("--format text --group-by cause").group_by, Some(GroupBy::Cause));
}

#[test]
fn letters_only_where_the_locale_has_no_more() {
    let is_ascii = |variables: [Option<&str>; 3]| {
        let locale = variables.map(|value| value.map(OsString::from));
        Surroundings { locale, ..Surroundings::default() }.is_ascii()
    };
    assert!(is_ascii([None, None, None]) && is_ascii([None, Some(""), Some("C")]));
    assert!(is_ascii([Some("POSIX"), None, Some("en_GB.UTF-8")]));
    assert!(!is_ascii([None, None, Some("en_GB.UTF-8")]) && !is_ascii([None, Some("C.utf8"), Some("C")]));
}

#[test]
fn what_a_run_fails_on_are_ids_with_commas_between() {
    use crate::classify::{Cause, Class};
    let wanted = |line: &str| parse(line).unwrap().fail_on;
    assert_eq!(wanted("-r f"), []);
    assert_eq!(wanted("-r f --fail-on any"), [Wanted::Any]);
    let two = [Wanted::Cause(Cause::KeepaliveRace), Wanted::Class(Class::Forged)];
    assert_eq!(wanted("-r f --fail-on keepalive-race,forged"), two);
    assert_eq!(wanted("-r f --fail-on keepalive-race --fail-on forged"), two);
    let text = parse("-r f --fail-on keepalive-rase").unwrap_err().to_string();
    assert!(text.contains("perhaps 'keepalive-race'"), "{text}");
    assert!(two[1].matches(Class::Forged, Cause::Injected) && !two[1].matches(Class::ClosedPort, Cause::NoListener));
}

#[test]
fn two_outputs_are_compared() {
    let both = Input::Diff(PathBuf::from("a"), PathBuf::from("b"));
    assert_eq!(parse("--diff a b").unwrap().input, both);
    assert_eq!(parse("--json --diff a b").unwrap().input, both);
    for line in
        ["--diff a b -r f", "--diff a b c", "--diff - -", "--diff a b --format csv", "--diff a b --json-style ecs"]
    {
        assert_eq!(refused(line), ErrorKind::ArgumentConflict, "{line}");
    }
    assert_eq!(refused("--diff a"), ErrorKind::WrongNumberOfValues);
}

#[test]
fn what_is_written_and_where() {
    let writing = parse("-r f -w x --all-packets -U -C 2 -W 3").unwrap().writing.unwrap();
    assert_eq!((writing.all_packets, writing.at_once, writing.meanwhile, writing.alone), (true, true, false, false));
    assert_eq!((writing.size, writing.count), (Some(2_000_000), Some(3)));
    for (size, bytes) in [("1k", 1 << 10), ("3M", 3 << 20), ("2g", 2 << 30)] {
        assert_eq!(parse(&format!("-r f -w x -C {size}")).unwrap().writing.unwrap().size, Some(bytes));
    }
    assert!(parse("-r f --follow -w x").unwrap().writing.unwrap().meanwhile);
    assert!(parse("-r f -w -").unwrap().prints_nothing() && !parse("-r f -w x").unwrap().prints_nothing());
    for wrong in ["-r f -w - -C 1", "-r f -w - -G 1", "-r f -w x -W 2"] {
        assert_eq!(refused(wrong), ErrorKind::ArgumentConflict, "{wrong}");
    }
    for wrong in ["-r f -w x -C 0", "-r f -w x -C 5q", "-r f -w x -G 0"] {
        assert_eq!(refused(wrong), ErrorKind::ValueValidation, "{wrong}");
    }
    assert_eq!(refused("-r f --all-packets"), ErrorKind::MissingRequiredArgument);
}

#[test]
fn frames_that_are_written_are_whole_unless_told_otherwise() {
    for (line, expected) in [("-i lo -w x", 262_144), ("-i lo -w x -s 100", 100), ("-i lo", 2048)] {
        let Input::Live(options) = parse(line).unwrap().input else { panic!("not live") };
        assert_eq!(options.snap_len, expected, "{line}");
    }
}

#[test]
fn a_terminal_is_no_place_for_a_capture() {
    let arguments = Arguments::try_parse_from(["rstscan", "-r", "f", "-w", "-"]).unwrap();
    let terminal = Surroundings { terminal: true, ..Surroundings::default() };
    assert_eq!(Config::from_arguments(arguments, &terminal).unwrap_err().kind(), ErrorKind::ArgumentConflict);
}

#[test]
fn wireshark_asks_and_captures() {
    let asked = |line: &str| match parse(line).unwrap().input {
        Input::Extcap(question) => question,
        other => panic!("{other:?}"),
    };
    assert_eq!(asked("--extcap-interfaces --extcap-version=4.2"), ExtcapQuestion::Interfaces);
    assert_eq!(asked("--extcap-interface rstscan-e0 --extcap-dlts"), ExtcapQuestion::LinkTypes("e0".to_owned()));
    assert_eq!(asked("--extcap-interface rstscan-e0 --extcap-config"), ExtcapQuestion::Choices);
    let filter = ExtcapQuestion::Filter("e0".to_owned(), "port".to_owned());
    assert_eq!(asked("--extcap-interface rstscan-e0 --extcap-capture-filter port"), filter);
    let line =
        "--capture --extcap-interface rstscan-e0 --fifo p --extcap-capture-filter tcp --extcap-only-resets -s 96";
    let config = parse(line).unwrap();
    let Input::Live(options) = &config.input else { panic!("not live") };
    assert_eq!((&options.interfaces[..], options.snap_len), (&["e0".to_owned()][..], 96));
    assert_eq!(config.filter, Some(FilterText::Words("tcp".to_owned())));
    let writing = config.writing.as_ref().unwrap();
    assert!(!writing.all_packets && writing.meanwhile && config.prints_nothing() && config.style.quiet == 2);
    assert_eq!(refused("--extcap-interface e0 --extcap-dlts"), ErrorKind::InvalidValue);
    assert_eq!(refused("--extcap-interface rstscan-e0"), ErrorKind::MissingRequiredArgument);
}
