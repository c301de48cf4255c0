use std::fs;

use expect_test::expect;
use quick_junit::{Report as Document, TestCaseStatus};

use super::{JUnit, ReportFile, legal};
use crate::event::Question;
use crate::expectation::Expectation;
use crate::report::{CheckResult, Checked, Outcome, Report, Summary, Told};
use crate::sink::{Sink as _, samples};
use crate::untrusted::Untrusted;

fn written(interfaces: Vec<Checked>, exit_status: u8) -> String {
    written_of(samples::answered(interfaces, exit_status))
}

fn written_of(summary: Summary) -> String {
    let mut xml = Vec::new();
    let mut sink = JUnit::new(&mut xml);
    let start = samples::start(samples::check_of(&["kni0"]));
    for (at, what) in [(0, Told::Start(start)), (2_500_000_000, Told::Summary(summary))] {
        sink.tell(&Report { at, what }).unwrap();
    }
    String::from_utf8(xml).unwrap()
}

/// The only suite of a document, which must be well-formed.
fn suite(xml: &str) -> quick_junit::TestSuite {
    let document = Document::deserialize_from_str(xml).unwrap_or_else(|error| panic!("{error}: {xml}"));
    let [suite] = document.test_suites.as_slice() else { panic!("{xml}") };
    suite.clone()
}

#[test]
fn each_interface_is_a_case_with_its_verdict_and_what_shows_it() {
    let created = samples::checked(samples::created());
    let refused = samples::checked(samples::restarted());
    expect![[r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites name="kniwatch check" tests="2" failures="1" errors="0" timestamp="2026-08-22T12:02:11.204+00:00" time="2.500">
            <testsuite name="kniwatch check" tests="2" disabled="0" errors="0" failures="1" timestamp="2026-08-22T12:02:11.204+00:00" time="2.500">
                <properties>
                    <property name="kniwatch" value="0.1.0"/>
                    <property name="host" value="lab7"/>
                    <property name="kernel" value="6.1.0-56-amd64"/>
                    <property name="module" value="rte_kni 22.11 is loaded: carrier=off, kthread_mode=single"/>
                    <property name="expected" value="created"/>
                    <property name="exit-status" value="11"/>
                    <property name="complete" value="true"/>
                </properties>
                <testcase name="kni0" classname="kniwatch check" time="0.002">
                    <system-out>kni0  created in 1.8 ms (ifindex 9)
        </system-out>
                </testcase>
                <testcase name="vEth0_0" classname="kniwatch check" time="0.002">
                    <failure message="vEth0_0  stopped in the library: the library looked up a memzone that nobody has made: &quot;MP_mbuf_pool&quot;" type="lib.memzone-missing">    tried by l3fwd-kni[4131] at 14:02:11.204
            rte_memzone_lookup(&quot;MP_mbuf_pool&quot;) found nothing
            rte_kni_alloc returned NULL 41 us after it was entered
            no ioctl was issued: the module was not asked, dmesg has nothing on it
            same, 2nd time (restarted by supervisord[812], lived 1.9 s)
        </failure>
                </testcase>
            </testsuite>
        </testsuites>
    "#]].assert_eq(&written(vec![created, refused], 11));
}

#[test]
fn what_is_not_known_is_an_error_and_no_failure() {
    let unknown = samples::checked(samples::inconclusive(samples::unseen()));
    let suite = suite(&written(vec![unknown, samples::checked(samples::duplicate_name())], 13));
    assert_eq!((suite.tests, suite.errors, suite.failures), (2, 1, 1));
}

#[test]
fn an_expected_failure_is_a_success_and_says_what_it_was() {
    let refused = Checked { as_expected: true, ..samples::checked(samples::duplicate_name()) };
    let created = Checked { as_expected: false, ..samples::checked(samples::created()) };
    let expected = Expectation::Ending(Outcome::Stopped, None);
    let answer = CheckResult { interfaces: vec![refused, created], expected, exit_status: 17 };
    let suite = suite(&written_of(Summary { check: Some(answer), ..samples::summary() }));
    assert_eq!((suite.tests, suite.errors, suite.failures), (2, 0, 1));
    let [refused, created] = suite.test_cases.as_slice() else { panic!() };
    assert!(matches!(refused.status, TestCaseStatus::Success { .. }));
    assert!(refused.system_out.as_ref().unwrap().as_str().contains("stopped in the module"));
    assert!(matches!(created.status, TestCaseStatus::NonSuccess { .. }));
    assert!(suite.properties.iter().any(|property| property.value.as_str() == "stopped"));
}

#[test]
fn whatever_a_name_holds_the_document_is_well_formed() {
    for (name, shown) in [
        (b"]]></failure><x a='".as_slice(), "]]></failure><x a='"),
        (b"a\x00\x1b[31m\x07b", r"a\u{0}\u{1b}[31m\u{7}b"),
        (b"\xff\xfe", r"\xff\xfe"),
        ("\u{fffe}\u{ffff}\u{202e}".as_bytes(), r"\u{fffe}\u{ffff}\u{202e}"),
        (b"&amp;\"\r\n", r#"&amp;"\r\n"#),
    ] {
        let name = Untrusted::from(name);
        let mut attempt = samples::duplicate_name();
        attempt.interface.claimed = Some(name.clone());
        attempt.process.comm = name.clone();
        attempt.log.push(name.clone());
        let checked = Checked { name: Some(name), ..samples::checked(attempt) };
        let xml = written(vec![checked], 13);
        assert!(
            !xml.contains(|c: char| (c.is_control() && c != '\n') || matches!(c, '\u{fffe}' | '\u{ffff}'))
        );
        let suite = suite(&xml);
        assert_eq!(suite.test_cases[0].name.as_str(), shown, "{xml}");
    }
    assert_eq!(legal("a\u{ffff}"), r"a\u{ffff}");
}

#[test]
fn a_run_that_came_to_no_answer_is_an_error_with_its_reason() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kni.xml");
    let error = anyhow::anyhow!("no \u{1b}privilege").context("cannot <observe>");
    let report = ReportFile::create(&file).unwrap();
    // It failed only after its answer was written.
    let mut sink = report.sink().unwrap();
    let start = samples::start(samples::check_of(&["kni0"]));
    let summary = samples::answered(vec![samples::checked(samples::restarted())], 11);
    for what in [Told::Start(start), Told::Summary(summary)] {
        sink.tell(&Report { at: 0, what }).unwrap();
    }
    // Whoever has it open, it need not be found again.
    fs::rename(&file, dir.path().join("moved.xml")).unwrap();
    report.fail(&error).unwrap();
    let suite = suite(&fs::read_to_string(dir.path().join("moved.xml")).unwrap());
    assert_eq!((suite.tests, suite.errors), (1, 1));
    let TestCaseStatus::NonSuccess { message, .. } = &suite.test_cases[0].status else { panic!() };
    assert_eq!(message.as_ref().unwrap().as_str(), r"cannot <observe>: no \u{1b}privilege");
}

#[test]
fn a_report_that_can_t_be_made_is_an_error_at_once_and_a_pipe_takes_one() {
    let dir = tempfile::tempdir().unwrap();
    let nowhere = dir.path().join("none/kni.xml");
    assert!(ReportFile::create(&nowhere).unwrap_err().to_string().contains("none/kni.xml"));
    let device = ReportFile::create("/dev/null".as_ref()).unwrap();
    device.fail(&anyhow::anyhow!("nothing")).unwrap();
    let full = ReportFile::create("/dev/full".as_ref()).unwrap();
    assert!(full.fail(&anyhow::anyhow!("nothing")).unwrap_err().to_string().contains("/dev/full"));
}

#[test]
fn nothing_is_written_of_a_run_that_nobody_asked() {
    let mut xml = Vec::new();
    let mut sink = JUnit::new(&mut xml);
    for what in [Told::Start(samples::start(Question::Watch)), Told::Summary(samples::summary())] {
        sink.tell(&Report { at: 0, what }).unwrap();
    }
    assert!(xml.is_empty());
}
