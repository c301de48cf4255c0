//! Whether kniwatch said of a run what it must, and nothing that it must not.

use serde_json::Value;

use crate::scenario::{
    ATTACHED_WITHIN_EMULATED_NS, ATTACHED_WITHIN_NS, Attempt, Attempts, Became, Expect, Field, Index, Said,
};

mod loading;
mod returns;
#[cfg(test)]
mod tests;

/// What a run left.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// `check`'s exit status as the guest's shell saw it.
    pub status: String,
    /// `check`'s JSON Lines.
    pub json: String,
    /// What it said besides.
    pub stderr: String,
    /// The recording, replayed as JSON Lines.
    pub replayed_json: String,
    /// The recording, replayed as text.
    pub replayed_text: String,
    /// The interface's index, if the guest noted one.
    pub ifindex: Option<String>,
    /// The pid of the device's holder, if the guest noted one.
    pub holder: Option<String>,
    /// Whether the guest's processor was emulated.
    pub emulated: bool,
}

/// `check`'s exit status where nothing can be observed (docs/exit-status.md).
const CANNOT_OBSERVE: u8 = 3;

/// Everything that is wrong with what was `observed`; nothing: the run is as expected.
#[must_use]
pub fn judge(expect: &Expect, observed: &Observed) -> Vec<String> {
    let mut complaints = Complaints::default();
    for said in expect.says {
        if !observed.stderr.contains(said) {
            complaints.say(format!("it does not say {said:?} on stderr"));
        }
    }
    if expect.status == CANNOT_OBSERVE {
        complaints.differ("exit status", observed.status.trim(), &expect.status.to_string());
        complaints.differ("output of who can't observe", observed.json.as_str(), "");
        return complaints.0;
    }
    let lines = lines(&observed.json, &mut complaints);
    let of = |kind: &str| {
        lines.iter().filter(|line| line["type"] == kind).map(|line| &line["data"]).collect::<Vec<_>>()
    };
    let attempts = of("attempt");
    complaints.differ("exit status", observed.status.trim(), &expect.status.to_string());
    let diagnostics = of("diagnostic");
    match &expect.attempts {
        Attempts::AroundLoading(at_least, expected) => {
            let blind = loading::blind_spans(&diagnostics);
            loading::judge(*at_least, expected, &blind, &attempts, observed, &mut complaints);
        }
        several => {
            judge_attempts(several, &attempts, observed, &mut complaints);
            judge_interfaces(expect.interfaces, &of("interface"), &mut complaints);
        }
    }
    for (number, attempt) in (1..).zip(&attempts) {
        judge_fields(&format!("attempt {number}"), expect.each, attempt, &mut complaints);
    }
    let within = if observed.emulated { ATTACHED_WITHIN_EMULATED_NS } else { ATTACHED_WITHIN_NS };
    judge_module(expect.module_comes, within, &diagnostics, &mut complaints);
    judge_died(expect.died, &diagnostics, &mut complaints);
    judge_program(expect.program_status, &diagnostics, &mut complaints);
    match of("summary").as_slice() {
        [summary] => judge_summary(expect, summary, &attempts, &mut complaints),
        other => complaints.say(format!("{} summaries instead of one", other.len())),
    }
    judge_words(expect.must_not_say, observed, &lines, &mut complaints);
    judge_report(observed, &mut complaints);
    if observed.replayed_json != observed.json {
        complaints.say("the recording's replay prints other JSON Lines than the run did".to_owned());
    }
    complaints.0
}

/// The report for people is on stderr, line for line, among what the program printed itself.
fn judge_report(observed: &Observed, complaints: &mut Complaints) {
    let mut printed = observed.stderr.lines();
    for line in observed.replayed_text.lines() {
        if !printed.any(|printed| printed.ends_with(line)) {
            complaints.say(format!("the recording's replay tells people what the run did not: {line}"));
            return;
        }
    }
}

#[derive(Debug, Default)]
struct Complaints(Vec<String>);

impl Complaints {
    fn say(&mut self, complaint: String) {
        self.0.push(complaint);
    }

    fn differ<T: PartialEq + std::fmt::Display + ?Sized>(&mut self, what: &str, got: &T, expected: &T) {
        if got != expected {
            self.say(format!("{what}: {got} instead of {expected}"));
        }
    }
}

/// What `value` has there; a null has no fields: nothing is said there either.
fn at<'a>(value: &'a Value, path: &str) -> &'a Value {
    value.pointer(path).unwrap_or(&Value::Null)
}

fn lines(json: &str, complaints: &mut Complaints) -> Vec<Value> {
    let mut lines = Vec::new();
    for line in json.lines() {
        match serde_json::from_str(line) {
            Ok(value) => lines.push(value),
            Err(error) => complaints.say(format!("no JSON ({error}): {line}")),
        }
    }
    lines
}

fn judge_attempts(expected: &Attempts, got: &[&Value], observed: &Observed, complaints: &mut Complaints) {
    match expected {
        Attempts::Exactly(expected) => judge_each(expected, got, observed, complaints),
        Attempts::InAnyOrder(expected) => {
            let rank = |attempt: &&Value| {
                let claimed = at(attempt, "/interface/claimed").as_str();
                expected.iter().position(|expected| expected.claimed == claimed)
            };
            let mut got = got.to_vec();
            got.sort_by_key(rank);
            judge_each(expected, &got, observed, complaints);
        }
        Attempts::Crowd(kinds) => judge_crowd(kinds, got, observed, complaints),
        // Not by their order.
        Attempts::AroundLoading(..) => {}
        Attempts::Repeated(at_least, expected) => {
            for (number, got) in (1..).zip(got) {
                judge_attempt(number, expected, got, observed, complaints);
                // The first is no repetition; from then on they are counted.
                let count = if number == 1 { Value::Null } else { number.into() };
                complaints.differ(&format!("attempt {number}: repeat"), at(got, "/repeat/count"), &count);
            }
            if (got.len() as u64) < *at_least {
                complaints.say(format!("{} attempts instead of {at_least} or more", got.len()));
            }
        }
    }
}

/// Each as expected, and none a repetition.
fn judge_each(expected: &[Attempt], got: &[&Value], observed: &Observed, complaints: &mut Complaints) {
    complaints.differ("number of attempts", &got.len(), &expected.len());
    for (number, (expected, got)) in (1..).zip(expected.iter().zip(got)) {
        judge_attempt(number, expected, got, observed, complaints);
        complaints.differ(&format!("attempt {number}: repeat"), at(got, "/repeat/count"), &Value::Null);
    }
}

/// Each like one of those of one entry; the nearest ones' complaints of who is like none.
fn judge_crowd(
    kinds: &[(usize, &[Attempt])],
    got: &[&Value],
    observed: &Observed,
    complaints: &mut Complaints,
) {
    let mut found = Vec::new();
    for (number, got) in (1..).zip(got) {
        let wrong = |attempt: &Attempt| {
            let mut own = Complaints::default();
            judge_attempt(number, attempt, got, observed, &mut own);
            own.0
        };
        let all = (0..).zip(kinds).flat_map(|(kind, (_, like))| like.iter().map(move |like| (kind, like)));
        let nearest = all.map(|(kind, like)| (kind, wrong(like))).min_by_key(|(_, wrong)| wrong.len());
        match nearest {
            Some((kind, wrong)) if wrong.is_empty() => found.push(kind),
            Some((_, wrong)) => complaints.0.extend(wrong),
            None => complaints.say(format!("attempt {number} is not expected")),
        }
    }
    for (kind, (expected, _)) in (0..).zip(kinds) {
        let number = found.iter().filter(|found| **found == kind).count();
        complaints.differ(&format!("attempts of kind {}", kind + 1), &number, expected);
    }
}

fn judge_attempt(
    number: usize,
    expected: &Attempt,
    got: &Value,
    observed: &Observed,
    complaints: &mut Complaints,
) {
    let Attempt {
        outcome,
        boundary,
        cause,
        claimed,
        consumed,
        errno_user,
        errno_kernel,
        subject,
        issued,
        holder,
        ifindex,
        complete,
        also,
    } = *expected;
    judge_fields(&format!("attempt {number}"), also, got, complaints);
    returns::judge(number, got, complaints);
    let noted = |noted: &Option<String>| -> Value {
        noted
            .as_ref()
            .and_then(|noted| noted.trim().parse::<u64>().ok())
            .map_or("what the guest noted".into(), Value::from)
    };
    // Of one that is dead, the guest has noted nothing.
    let holder_pid = match (holder, &observed.holder) {
        (None, _) => Value::Null,
        (Some(_), None) if at(got, "/holder/pid").is_u64() => at(got, "/holder/pid").clone(),
        (Some(_), holder) => noted(holder),
    };
    let index = at(got, "/interface/ifindex");
    let expected_index = match ifindex {
        Index::None => Value::Null,
        Index::Some if index.is_u64() => index.clone(),
        Index::Some => "a number".into(),
        Index::Noted => noted(&observed.ifindex),
    };
    for (field, expected) in [
        ("/outcome", outcome.into()),
        ("/boundary", boundary.into()),
        ("/cause", cause.into()),
        ("/interface/claimed", claimed.into()),
        ("/interface/consumed", consumed.into()),
        ("/interface/ifindex", expected_index),
        ("/errno/user", errno_user.into()),
        ("/errno/kernel", errno_kernel.into()),
        ("/subject", subject.into()),
        ("/issued", issued.into()),
        ("/holder/comm", holder.into()),
        ("/holder/pid", holder_pid),
        ("/coverage/complete", complete.into()),
    ] {
        complaints.differ(&format!("attempt {number}: {field}"), at(got, field), &expected);
    }
}

fn judge_fields(of: &str, fields: &[Field], got: &Value, complaints: &mut Complaints) {
    for (field, said) in fields {
        let values = all_at(got, field);
        if !values.iter().any(|value| says(value, *said)) {
            complaints.say(format!("{of}: {field}: {values:?} instead of {said:?}"));
        }
    }
}

/// What `value` has there; a `*` stands for each element of an array.
fn all_at<'a>(value: &'a Value, path: &str) -> Vec<&'a Value> {
    match path.split_once("/*") {
        None => vec![at(value, path)],
        Some((array, rest)) => {
            let elements = at(value, array).as_array().map(Vec::as_slice).unwrap_or_default();
            elements.iter().map(|element| at(element, rest)).collect()
        }
    }
}

fn says(value: &Value, said: Said) -> bool {
    match said {
        Said::Nothing => value.is_null(),
        Said::Something => !value.is_null(),
        Said::Is(is) => *value == is,
        Said::Number(number) => *value == number,
        Said::Between(from, to) => value.as_i64().is_some_and(|number| (from..=to).contains(&number)),
        Said::Text(text) => *value == text,
        Said::Ending(end) => value.as_str().is_some_and(|text| text.ends_with(end)),
        Said::Having(part) => value.as_str().is_some_and(|text| text.contains(part)),
    }
}

fn judge_interfaces(expected: &[Became], got: &[&Value], complaints: &mut Complaints) {
    let told = got.iter().map(|line| format!("{} {}", line["name"], line["event"])).collect::<Vec<_>>();
    let due =
        expected.iter().map(|became| format!("{:?} {:?}", became.name, became.event)).collect::<Vec<_>>();
    complaints.differ("interfaces", told.join(", ").as_str(), due.join(", ").as_str());
    for (Became { event, name, also }, got) in expected.iter().zip(got) {
        judge_fields(&format!("{name} {event}"), also, got, complaints);
    }
}

fn judge_died(expected: &[&[Field]], diagnostics: &[&Value], complaints: &mut Complaints) {
    let died: Vec<_> = diagnostics.iter().filter(|line| line["kind"] == "died-in-module").collect();
    complaints.differ("deaths in the module", &died.len(), &expected.len());
    for (fields, died) in expected.iter().zip(died) {
        judge_fields("a death in the module", fields, died, complaints);
    }
}

fn judge_program(expected: Option<i64>, diagnostics: &[&Value], complaints: &mut Complaints) {
    let ended = diagnostics.iter().find(|line| line["kind"] == "command-ended");
    if let Some(expected) = expected {
        let status = ended.map_or(&Value::Null, |line| &line["status"]);
        complaints.differ("the program's exit status", status, &expected.into());
    }
}

fn judge_module(comes: usize, within_ns: u64, diagnostics: &[&Value], complaints: &mut Complaints) {
    // Hooks that come back for another reason have no blind time.
    let came: Vec<u64> = diagnostics
        .iter()
        .filter(|line| line["kind"] == "coverage")
        .filter(|line| line["came"].as_array().is_some_and(|came| came.contains(&"handler".into())))
        .filter_map(|line| line["blind_ns"].as_u64())
        .collect();
    complaints.differ("how often the module's hooks came with it", &came.len(), &comes);
    for blind in came.iter().filter(|blind| **blind > within_ns) {
        complaints.say(format!("the module was there unobserved for {blind} ns"));
    }
}

fn judge_summary(expect: &Expect, summary: &Value, attempts: &[&Value], complaints: &mut Complaints) {
    complaints.differ("summary: complete", at(summary, "/complete"), &(expect.missed == 0).into());
    let missed = at(summary, "/ledger/missed").as_u64().unwrap_or_default();
    if missed < expect.missed {
        complaints.say(format!("{missed} returns were missed instead of {} or more", expect.missed));
    }
    complaints.differ("summary: exit status", at(summary, "/check/exit_status"), &expect.status.into());
    let last: Vec<&Value> = last_words(attempts).collect();
    let tally = |name: &str| at(summary, &format!("/attempts/{name}")).as_u64().unwrap_or(0);
    let told = |outcome: &str, boundary: Option<&str>| {
        let is_so = |attempt: &&&Value| {
            attempt["outcome"] == outcome && boundary.is_none_or(|boundary| attempt["boundary"] == boundary)
        };
        last.iter().filter(is_so).count() as u64
    };
    for (name, outcome, boundary) in [
        ("created", "created", None),
        ("created_elsewhere", "created-elsewhere", None),
        ("created_doomed", "created-doomed", None),
        ("stopped_library", "stopped", Some("library")),
        ("stopped_syscall", "stopped", Some("syscall")),
        ("stopped_module", "stopped", Some("module")),
        ("stopped_network", "stopped", Some("network")),
        ("died", "died", None),
        ("in_progress", "in-progress", None),
        ("not_attempted", "not-attempted", None),
        ("inconclusive", "inconclusive", None),
    ] {
        complaints.differ(&format!("summary: {name}"), &tally(name), &told(outcome, boundary));
    }
}

/// An attempt that takes long is told of meanwhile, and counted once.
fn last_words<'a>(attempts: &[&'a Value]) -> impl Iterator<Item = &'a Value> {
    let is_same = |one: &Value, other: &Value| {
        ["/process/tid", "/started"].iter().all(|field| at(one, field) == at(other, field))
    };
    attempts.iter().enumerate().filter_map(move |(at, attempt)| {
        let later = attempts.iter().skip(at + 1);
        let mut again = later.filter(|later| attempt["final"] == false && is_same(attempt, later));
        again.next().is_none().then_some(*attempt)
    })
}

/// All of it but what was asked for, which is no verdict.
fn said_in(mut line: Value) -> String {
    if let Some(answer) = line.pointer_mut("/data/check").and_then(Value::as_object_mut) {
        answer.remove("expected");
    }
    line.to_string()
}

/// Words are looked for in the text, whatever their case, and in the verdicts' JSON.
fn judge_words(must_not_say: &[&str], observed: &Observed, lines: &[Value], complaints: &mut Complaints) {
    let text = observed.replayed_text.to_lowercase();
    if text.is_empty() {
        complaints.say("the recording's replay prints no text".to_owned());
    }
    let verdicts: Vec<String> = lines
        .iter()
        .filter(|line| line["type"] == "attempt" || line["type"] == "summary")
        .map(|line| said_in(line.clone()))
        .collect();
    for word in must_not_say {
        if text.contains(&word.to_lowercase()) || verdicts.iter().any(|verdict| verdict.contains(word)) {
            complaints.say(format!("it must not say {word:?}"));
        }
    }
}
