use serde_json::{Value, json};

use super::{Observed, judge};
use crate::scenario::{Attempt, Attempts, Became, Expect, Field, Said};
use crate::table::find;

fn expect(name: &str) -> &'static Expect {
    &find(name).unwrap().runs[0].expect
}

fn observed(status: &str, lines: &[Value]) -> Observed {
    let json = lines.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n");
    Observed {
        status: format!("{status}\n"),
        replayed_json: json.clone(),
        json,
        replayed_text: "lo  stopped in the network core\n".to_owned(),
        ifindex: None,
        holder: None,
        stderr: "EAL: probing\nEAL: lo  stopped in the network core\nEAL: done\n".to_owned(),
        emulated: false,
    }
}

fn attempt() -> Value {
    json!({"type": "attempt", "data": {
        "interface": {"claimed": "lo", "consumed": "lo", "ifindex": null},
        "outcome": "stopped", "boundary": "network", "cause": "net.name-exists",
        "errno": {"user": 19, "kernel": 17}, "subject": null, "holder": null, "issued": true,
        "coverage": {"complete": true}, "repeat": null,
    }})
}

fn summary() -> Value {
    json!({"type": "summary", "data": {
        "attempts": {"stopped_network": 1}, "complete": true,
        "check": {"expected": "created", "exit_status": 14},
    }})
}

/// The complaints about a run of `t31` in which `change` was made.
fn complaints(change: impl FnOnce(&mut Value, &mut Value)) -> Vec<String> {
    let (mut attempt, mut summary) = (attempt(), summary());
    change(&mut attempt["data"], &mut summary["data"]);
    judge(expect("t31"), &observed("14", &[attempt, summary]))
}

#[test]
fn a_run_as_expected_gives_no_complaint() {
    assert_eq!(complaints(|_, _| ()), [""; 0]);
}

#[test]
fn every_field_of_a_verdict_is_judged() {
    for (field, wrong) in [
        ("/outcome", json!("created")),
        ("/boundary", json!("module")),
        ("/cause", json!("net.register")),
        ("/interface/claimed", json!("lo1")),
        ("/interface/consumed", json!(null)),
        ("/interface/ifindex", json!(1)),
        ("/errno/user", json!(17)),
        ("/errno/kernel", json!(null)),
        ("/subject", json!("lo")),
        ("/issued", json!(null)),
        ("/holder", json!({"pid": 1, "comm": "init"})),
        ("/coverage/complete", json!(false)),
        ("/repeat", json!({"count": 2})),
    ] {
        let complaints = complaints(|attempt, _| *attempt.pointer_mut(field).unwrap() = wrong.clone());
        assert!(!complaints.is_empty(), "{field} may be {wrong}");
    }
}

#[test]
fn the_summary_must_agree() {
    for (field, wrong) in [
        ("/complete", json!(false)),
        ("/check/exit_status", json!(0)),
        ("/attempts/stopped_network", json!(0)),
    ] {
        let complaints = complaints(|_, summary| *summary.pointer_mut(field).unwrap() = wrong.clone());
        assert_eq!(complaints.len(), 1, "{field}: {complaints:?}");
    }
}

#[test]
fn what_must_not_be_said_is_found_in_text_and_verdicts() {
    let good = observed("14", &[attempt(), summary()]);
    let text = || "lo  Stopped in the Module".to_owned();
    let said = Observed { replayed_text: text(), stderr: text(), ..good.clone() };
    assert_eq!(judge(expect("t31"), &said), ["it must not say \"IN THE MODULE\""]);
    let complaints = complaints(|attempt, _| attempt["steps"] = json!(["mod.thread"]));
    assert_eq!(complaints, ["it must not say \"\\\"mod.\""]);
}

#[test]
fn a_second_attempt_a_missing_summary_another_status_and_another_replay_are_complaints() {
    let expect = expect("t31");
    for observed in [
        observed("14", &[attempt(), attempt(), summary()]),
        observed("14", &[summary()]),
        observed("14", &[attempt()]),
        observed("14", &[attempt(), summary(), summary()]),
        observed("124", &[attempt(), summary()]),
        Observed { replayed_json: String::new(), ..observed("14", &[attempt(), summary()]) },
        Observed { replayed_text: String::new(), ..observed("14", &[attempt(), summary()]) },
        Observed { json: "panicked".to_owned(), ..observed("14", &[]) },
        Observed { stderr: String::new(), ..observed("14", &[attempt(), summary()]) },
        Observed::default(),
    ] {
        assert!(!judge(expect, &observed).is_empty(), "{observed:?}");
    }
}

#[test]
fn a_created_interface_must_have_the_index_that_the_guest_noted() {
    let created = json!({"type": "attempt", "data": {
        "interface": {"claimed": "kni0", "consumed": "kni0", "ifindex": 5},
        "outcome": "created", "errno": {}, "issued": true, "coverage": {"complete": true},
    }});
    let released =
        json!({"type": "interface", "data": {"event": "released", "name": "kni0", "how": "request"}});
    let summary = json!({"type": "summary", "data": {
        "attempts": {"created": 1}, "complete": true, "check": {"exit_status": 0},
    }});
    let good = Observed {
        ifindex: Some("5\n".to_owned()),
        ..observed("0", &[created.clone(), released, summary.clone()])
    };
    let text = || "kni0  created".to_owned();
    let good = Observed { replayed_text: text(), stderr: text(), ..good };
    assert_eq!(judge(expect("created"), &good), [""; 0]);
    for ifindex in [Some("6\n".to_owned()), None] {
        assert_eq!(judge(expect("created"), &Observed { ifindex, ..good.clone() }).len(), 1);
    }
    let unreleased = Observed {
        ifindex: good.ifindex.clone(),
        replayed_text: good.replayed_text.clone(),
        stderr: good.stderr.clone(),
        ..observed("0", &[created, summary])
    };
    assert_eq!(judge(expect("created"), &unreleased).len(), 1);
}

#[test]
fn what_became_of_interfaces_is_judged_in_order_and_nothing_more_may_be_told() {
    const UP: Became = Became::event("up", "lo", &[("/took_ns", Said::Between(2, 3))]);
    const BECAME: &[Became] = &[UP, Became::closed("lo")];
    let expect = Expect { interfaces: BECAME, ..*expect("t31") };
    let up = |took: u64| json!({"type": "interface", "data": {"event": "up", "name": "lo", "took_ns": took}});
    let went =
        |how: &str| json!({"type": "interface", "data": {"event": "released", "name": "lo", "how": how}});
    let complaints = |interfaces: &[Value]| {
        judge(&expect, &observed("14", &[&[attempt()], interfaces, &[summary()]].concat())).len()
    };
    assert_eq!(complaints(&[up(2), went("close")]), 0);
    for wrong in [
        &[went("close"), up(2)][..],
        &[went("close")],
        &[up(2), went("close"), up(2)],
        &[up(1), went("close")],
        &[up(4), went("close")],
        &[up(2), went("death")],
    ] {
        assert_ne!(complaints(wrong), 0, "{wrong:?}");
    }
}

#[test]
fn of_a_crowd_each_must_be_like_one_and_what_was_missed_counted() {
    const CERTAIN: Attempt = Attempt {
        consumed: Some("lo"),
        errno_kernel: Some(17),
        ..Attempt::in_kernel("network", "lo", "net.name-exists", 19)
    };
    const CROWD: Attempts = Attempts::Crowd(&[(2, &[CERTAIN, Attempt { complete: false, ..CERTAIN }])]);
    let expect = Expect { attempts: CROWD, missed: 3, ..*expect("t31") };
    let uncertain = || {
        let mut attempt = attempt();
        attempt["data"]["coverage"]["complete"] = json!(false);
        attempt
    };
    let complaints = |crowd: &[Value], missed: u64| {
        let mut summary = summary();
        summary["data"]["attempts"]["stopped_network"] = json!(crowd.len());
        summary["data"]["complete"] = json!(false);
        summary["data"]["ledger"] = json!({"missed": missed});
        judge(&expect, &observed("14", &[crowd, &[summary]].concat()))
    };
    assert_eq!(complaints(&[uncertain(), attempt()], 3), [""; 0]);
    assert_eq!(complaints(&[attempt(), attempt()], 4), [""; 0]);
    assert_ne!(complaints(&[attempt(), attempt()], 2), [""; 0]);
    assert_ne!(complaints(&[attempt()], 3), [""; 0]);
    let mut other = attempt();
    other["data"]["cause"] = json!("net.register");
    assert_ne!(complaints(&[attempt(), other], 3), [""; 0]);
}

#[test]
fn deaths_in_the_module_must_be_told_and_no_others() {
    let expect = Expect { died: &[&[("/at", Said::Having("pages"))]], ..*expect("t31") };
    let died = |at: &str| json!({"type": "diagnostic", "data": {"kind": "died-in-module", "at": at}});
    let complaints = |diagnostics: &[Value]| {
        judge(&expect, &observed("14", &[&[attempt()], diagnostics, &[summary()]].concat())).len()
    };
    assert_eq!(complaints(&[died("__get_user_pages")]), 0);
    for wrong in [&[][..], &[died("kni_release")], &[died("pages"), died("pages")]] {
        assert_ne!(complaints(wrong), 0, "{wrong:?}");
    }
}

#[test]
fn an_attempt_that_is_told_of_meanwhile_is_counted_by_its_last_word() {
    const MEANWHILE: Attempt = TAKEN.meanwhile(&[("/final", Said::Is(false))]);
    let expect = Expect { attempts: Attempts::Exactly(&[MEANWHILE, TAKEN]), ..*expect("t31") };
    let mut meanwhile = attempt();
    for (field, said) in [
        ("outcome", json!("in-progress")),
        ("boundary", json!(null)),
        ("cause", json!(null)),
        ("errno", json!({})),
        ("final", json!(false)),
    ] {
        meanwhile["data"][field] = said;
    }
    meanwhile["data"]["interface"]["consumed"] = json!(null);
    let run = |in_progress: u64, stopped: u64| {
        let mut summary = summary();
        summary["data"]["attempts"] = json!({"in_progress": in_progress, "stopped_network": stopped});
        judge(&expect, &observed("14", &[meanwhile.clone(), attempt(), summary]))
    };
    assert_eq!(run(0, 1), [""; 0]);
    assert_ne!(run(1, 1), [""; 0]);
    assert_ne!(run(0, 0), [""; 0]);
}

#[test]
fn a_restart_loop_must_be_counted() {
    let mut stopped = attempt();
    stopped["data"]["interface"] = json!({"claimed": "vEth0_0"});
    stopped["data"]["boundary"] = json!("library");
    stopped["data"]["cause"] = json!("lib.memzone-missing");
    stopped["data"]["subject"] = json!("MP_mbuf_pool");
    stopped["data"]["issued"] = json!(false);
    stopped["data"]["errno"] = json!({});
    let run = |counts: &[Value]| {
        let mut lines: Vec<Value> = counts
            .iter()
            .map(|count| {
                let mut attempt = stopped.clone();
                attempt["data"]["repeat"] = json!({"count": count});
                attempt
            })
            .collect();
        lines.push(json!({"type": "summary", "data": {
            "attempts": {"stopped_library": counts.len()}, "complete": true, "check": {"exit_status": 11},
        }}));
        judge(expect("silent-refusal-1604"), &observed("11", &lines)).len()
    };
    assert_eq!(run(&[json!(null), json!(2), json!(3)]), 0);
    assert_eq!(run(&[json!(null), json!(null)]), 1);
    assert_eq!(run(&[json!(null)]), 1);
}

#[test]
fn the_modules_hooks_must_come_as_often_as_it_does_and_soon() {
    let expect = Expect { module_comes: 1, ..*expect("t31") };
    let run_on = |emulated: bool, blind: &[Value]| {
        let mut lines = vec![attempt(), summary()];
        lines.extend(blind.iter().map(|blind| {
            json!({"type": "diagnostic", "data": {"kind": "coverage", "came": ["dispatcher", "handler"], "blind_ns": blind}})
        }));
        judge(&expect, &Observed { emulated, ..observed("14", &lines) }).len()
    };
    let run = |blind: &[Value]| run_on(false, blind);
    assert_eq!(run_on(true, &[json!(150_000_000)]), 0);
    assert_eq!(run_on(true, &[json!(150_000_001)]), 1);
    assert_eq!(run(&[json!(20_000_000)]), 0);
    assert_eq!(run(&[json!(50_000_001)]), 1);
    assert_eq!(run(&[json!(null)]), 1);
    assert_eq!(run(&[]), 1);
    assert_eq!(run(&[json!(1), json!(1)]), 1);
}

const ALSO: &[Field] = &[
    ("/check/time/0", Said::Number(5)),
    ("/library/is_static", Said::Is(true)),
    ("/library/layout", Said::Text("D")),
    ("/process/mntns", Said::Something),
    ("/origin", Said::Nothing),
    ("/steps/*/rte_errno", Said::Number(17)),
    ("/library/object", Said::Ending("/opt/app")),
];

#[test]
fn what_else_an_attempt_must_say_is_judged() {
    let also = Expect { attempts: Attempts::Exactly(&[Attempt { also: ALSO, ..TAKEN }]), ..*expect("t31") };
    let each = Expect { each: ALSO, attempts: Attempts::Exactly(&[TAKEN]), ..*expect("t31") };
    for expect in [&also, &each] {
        let complaints = |change: fn(&mut Value)| {
            let mut attempt = attempt();
            let said = json!({
                "check": {"time": [5, 7]}, "library": {"is_static": true, "layout": "D", "object": "/proc/7/root/opt/app"},
                "process": {"mntns": 1}, "origin": null,
                "steps": [{"rte_errno": null}, {"rte_errno": 17}],
            });
            attempt["data"].as_object_mut().unwrap().extend(said.as_object().unwrap().clone());
            change(&mut attempt["data"]);
            judge(expect, &observed("14", &[attempt, summary()]))
        };
        assert_eq!(complaints(|_| ()), [""; 0]);
        let changes: [fn(&mut Value); 7] = [
            |attempt| attempt["check"]["time"][0] = json!(4),
            |attempt| attempt["library"]["is_static"] = json!(false),
            |attempt| attempt["library"]["layout"] = json!(null),
            |attempt| attempt["process"]["mntns"] = json!(null),
            |attempt| attempt["origin"] = json!({}),
            |attempt| attempt["library"]["object"] = json!("/opt/app2"),
            |attempt| attempt["steps"][1]["rte_errno"] = json!(2),
        ];
        for change in changes {
            assert_eq!(complaints(change).len(), 1);
        }
    }
}

/// What `t31` expects.
const TAKEN: Attempt = Attempt {
    consumed: Some("lo"),
    errno_kernel: Some(17),
    ..Attempt::in_kernel("network", "lo", "net.name-exists", 19)
};

#[test]
fn a_request_returns_the_same_at_every_function_on_its_way() {
    let complaints = |handler: i64| {
        let returned = |hook: &str, value: Value| json!({"hook": hook, "value": value});
        let mut attempt = attempt();
        attempt["data"]["steps"] = json!([
            returned("ioctl", Value::Null),
            returned("register-netdev", json!(-17)),
            returned("handler", json!(handler)),
            returned("dispatcher", json!(-19)),
            returned("ioctl", json!(-19)),
        ]);
        judge(expect("t31"), &observed("14", &[attempt, summary()]))
    };
    assert_eq!(complaints(-19), [""; 0]);
    let other = complaints(0);
    assert!(other.iter().any(|complaint| complaint.contains("one request returned")), "{other:?}");
}

#[test]
fn attempts_of_several_threads_may_come_in_any_order() {
    const OTHER: Attempt = Attempt { claimed: Some("lo1"), ..TAKEN };
    let expect = Expect { attempts: Attempts::InAnyOrder(&[TAKEN, OTHER]), ..*expect("t31") };
    let named = |name: &str| {
        let mut attempt = attempt();
        attempt["data"]["interface"]["claimed"] = json!(name);
        attempt
    };
    let complaints = |names: &[&str]| {
        let mut lines: Vec<Value> = names.iter().map(|name| named(name)).collect();
        let mut summary = summary();
        summary["data"]["attempts"]["stopped_network"] = json!(names.len());
        lines.push(summary);
        judge(&expect, &observed("14", &lines))
    };
    assert_eq!(complaints(&["lo", "lo1"]), [""; 0]);
    assert_eq!(complaints(&["lo1", "lo"]), [""; 0]);
    for wrong in [&["lo"][..], &["lo", "lo"], &["lo1", "lo2"], &["lo", "lo1", "lo2"]] {
        assert!(!complaints(wrong).is_empty(), "{wrong:?}");
    }
}

#[test]
fn around_loading_an_attempt_is_as_expected_or_began_unobserved_and_says_so() {
    let at = |began: i64, outcome: &str, missing: Value| {
        let mut attempt = attempt();
        attempt["data"]["started"] = began.into();
        attempt["data"]["outcome"] = outcome.into();
        attempt["data"]["coverage"]["missing"] = missing;
        attempt
    };
    let came = json!({"type": "diagnostic", "data": {
        "kind": "coverage", "time": 100, "came": ["handler"], "went": [], "blind_ns": 40,
    }});
    let complaints = |lines: &[Value]| {
        let Attempts::Exactly([expected]) = expect("t31").attempts else { unreachable!() };
        let summary = json!({"type": "summary", "data": {
            "attempts": {"stopped_network": 1, "inconclusive": 1}, "complete": true, "check": {"exit_status": 14},
        }});
        let lines = [std::slice::from_ref(&came), lines, &[summary]].concat();
        let attempts = Attempts::AroundLoading(1, expected);
        judge(&Expect { attempts, module_comes: 1, ..*expect("t31") }, &observed("14", &lines))
    };
    let (blind, whole) = (at(70, "inconclusive", json!([{}])), at(120, "stopped", json!([])));
    assert_eq!(complaints(&[blind.clone(), whole.clone()]), [""; 0]);
    let told_anyway = at(70, "stopped", json!([]));
    assert_eq!(complaints(&[blind.clone(), told_anyway]), [""; 0]);
    for (wrong, others) in [
        (at(120, "inconclusive", json!([{}])), whole.clone()),
        (at(60, "inconclusive", json!([])), whole),
        (at(70, "inconclusive", json!([{}])), blind),
    ] {
        assert!(!complaints(&[wrong.clone(), others]).is_empty(), "{wrong}");
    }
}

#[test]
fn who_cannot_observe_says_why_and_nothing_else() {
    let expect = Expect { status: 3, says: &["CAP_BPF"], ..*expect("t31") };
    let said = |stderr: &str, json: &str| {
        let stderr = stderr.to_owned();
        judge(&expect, &Observed { stderr, json: json.to_owned(), ..observed("3", &[]) }).len()
    };
    assert_eq!(said("it lacks CAP_BPF", ""), 0);
    assert_eq!((said("", ""), said("CAP_BPF", "{}")), (1, 1));
}

#[test]
fn the_programs_status_counts_where_it_says_something() {
    let ended = json!({"type": "diagnostic", "data": {"kind": "command-ended", "status": 1}});
    let lines = [attempt(), ended, summary()];
    assert_eq!(judge(expect("t31"), &observed("14", &lines)), [""; 0]);
    let expect = Expect { program_status: Some(0), ..*expect("t31") };
    assert_eq!(judge(&expect, &observed("14", &lines)).len(), 1);
    assert_eq!(judge(&expect, &observed("14", &[attempt(), summary()])).len(), 1);
}
