//! What `kniwatch explain` says of a cause: its section of docs/causes.md, taken apart.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cause::Cause;

/// The one place where causes are explained at length.
const DOCUMENT: &str = include_str!("../../docs/causes.md");

/// A cause's section. Of each part the first is a sentence or more, what follows are items of a list below it.
#[derive(Clone, Debug, Default, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Explanation {
    /// What it means, by paragraphs.
    pub about: Vec<String>,
    /// What must have been seen for it to be named.
    pub evidence: Vec<String>,
    /// What tells it from its neighbours.
    pub not: Vec<String>,
    /// What to do.
    #[serde(rename = "do")]
    pub remedy: Vec<String>,
    /// In which releases of DPDK it is met.
    pub releases: Vec<String>,
}

impl Explanation {
    /// That of a cause.
    #[must_use]
    pub fn of(cause: Cause) -> Self {
        section(DOCUMENT, cause.name()).map(parse).unwrap_or_default()
    }

    /// The part that begins with that word in the document.
    fn part(&mut self, word: &str) -> Option<&mut Vec<String>> {
        Some(match word {
            "Evidence" => &mut self.evidence,
            "Not" => &mut self.not,
            "Do" => &mut self.remedy,
            "Releases" => &mut self.releases,
            _ => return None,
        })
    }
}

/// What stands below the heading of that name.
fn section<'a>(document: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = document.split_once(&format!("\n### {name}\n"))?;
    let ends = ["\n### ", "\n## "].iter().filter_map(|heading| rest.find(heading)).min();
    Some(ends.and_then(|end| rest.get(..end)).unwrap_or(rest))
}

fn parse(section: &str) -> Explanation {
    let mut explanation = Explanation::default();
    // Where lines go that begin nothing new.
    let mut word = "";
    let mut begins = true;
    for line in section.lines() {
        if line.trim().is_empty() {
            begins = true;
            continue;
        }
        let bullet = line.strip_prefix("- **").and_then(|rest| rest.split_once("**"));
        let item = line.strip_prefix("  - ");
        let (text, is_new) = match (bullet, item) {
            (Some((name, rest)), _) => {
                word = name;
                (rest.trim_start_matches(':'), true)
            }
            (None, Some(item)) => (item, true),
            (None, None) => (line, begins && word.is_empty()),
        };
        begins = false;
        let text = plain(text.trim());
        let part = if word.is_empty() { Some(&mut explanation.about) } else { explanation.part(word) };
        let Some(part) = part else { continue };
        match part.last_mut().filter(|_| !is_new) {
            Some(last) => {
                last.push(' ');
                last.push_str(&text);
            }
            None => part.push(text),
        }
    }
    explanation
}

/// Without the marks of code, stress and links.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, link)) = rest.split_once('[') {
        plain.push_str(before);
        let named = link.split_once("](").and_then(|(name, rest)| Some((name, rest.split_once(')')?.1)));
        let (name, after) = named.unwrap_or(("[", link));
        plain.push_str(name);
        rest = after;
    }
    plain.push_str(rest);
    plain.replace("**", "").replace('`', "")
}

#[cfg(test)]
mod tests {
    use super::{DOCUMENT, Explanation, parse, plain, section};
    use crate::cause::Cause;

    #[test]
    fn every_cause_is_explained_in_all_its_parts() {
        for cause in Cause::ALL {
            let Explanation { about, evidence, not, remedy, releases } = Explanation::of(*cause);
            for (part, name) in [
                (about, "about"),
                (evidence, "Evidence"),
                (not, "Not"),
                (remedy, "Do"),
                (releases, "Releases"),
            ] {
                let first = part.first().unwrap_or_else(|| panic!("docs/causes.md: {cause:?} has no {name}"));
                assert!(first.len() > 4, "{cause:?}: {name}: {part:?}");
                assert!(
                    part.iter().all(|text| !text.contains(['`', '*', '|'])),
                    "{cause:?}: {name}: {part:?}"
                );
            }
        }
    }

    #[test]
    fn no_section_has_a_part_of_another_name_or_twice() {
        for cause in Cause::ALL {
            let section = section(DOCUMENT, cause.name()).unwrap();
            let words: Vec<&str> =
                section.lines().filter_map(|line| line.strip_prefix("- **")?.split("**").next()).collect();
            assert_eq!(words, ["Evidence", "Not", "Do", "Releases"], "{cause:?}");
        }
    }

    #[test]
    fn releases_that_are_named_have_kni() {
        for cause in Cause::ALL {
            let releases = Explanation::of(*cause).releases.join(" ");
            let words =
                releases.split(|c: char| !c.is_ascii_digit() && c != '.').map(|word| word.trim_matches('.'));
            let named: Vec<&str> = words.filter(|word| word.contains('.') && word.len() == 5).collect();
            assert!(!named.is_empty(), "{cause:?}: {releases}");
            assert!(
                named.iter().all(|release| ("16.04"..="23.07").contains(release)),
                "{cause:?}: {releases}"
            );
        }
    }

    #[test]
    fn paragraphs_lists_and_marks_are_taken_apart() {
        let section = "\nOne `x`\ntwo.\n\nThree.\n\n- **Evidence**: a [b](c.md#d):\n  - e\n    f\n  - **g**\n\
                       - **Not** `h`, i.\n- **Do**: j\n  k\n- **Releases**: l\n";
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
        assert_eq!(
            parse(section),
            Explanation {
                about: texts(&["One x two.", "Three."]),
                evidence: texts(&["a b:", "e f", "g"]),
                not: texts(&["h, i."]),
                remedy: texts(&["j k"]),
                releases: texts(&["l"]),
            }
        );
        assert_eq!(plain("steps[] and [a] (b)"), "steps[] and [a] (b)");
    }
}
