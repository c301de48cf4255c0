//! Which scenarios are run on which kernels.

use std::str::FromStr;

use anyhow::{Result, ensure};
use kniwatch_tests::guest::Kernel;
use kniwatch_tests::scenario::Scenario;

/// The kernels that somebody named.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Kernels {
    /// That one.
    One(Kernel),
    /// All there are.
    All,
}

impl FromStr for Kernels {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        match name {
            "all" => Ok(Self::All),
            name => name.parse().map(Self::One),
        }
    }
}

/// The scenarios that are tests now.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Chosen<'a> {
    /// All of them, on the main kernel.
    Whole,
    /// All of them on the main kernel, and the smoke set on the others.
    WholeAndSmoke,
    /// These.
    Named(&'a [&'static Scenario]),
}

/// Each kernel with what is run on it; kernels without anything are left out.
///
/// # Errors
///
/// A scenario was named that is not shown on the one kernel that was.
pub(crate) fn plan(
    all: &[&'static Scenario],
    chosen: Chosen<'_>,
    kernels: Option<Kernels>,
) -> Result<Vec<(Kernel, Vec<&'static Scenario>)>> {
    if let (Chosen::Named(named), Some(Kernels::One(kernel))) = (chosen, kernels) {
        for scenario in named {
            let shown = scenario.kernels.contains(&kernel);
            ensure!(shown, "{} is not shown on Linux {kernel}, only on {:?}", scenario.name, names(scenario));
        }
    }
    let candidates = match chosen {
        Chosen::Named(named) => named,
        Chosen::Whole | Chosen::WholeAndSmoke => all,
    };
    let is_run = |scenario: &Scenario, kernel| match (kernels, chosen) {
        (Some(Kernels::One(one)), _) => one == kernel,
        (Some(Kernels::All), _) => true,
        (None, Chosen::WholeAndSmoke) if scenario.smoke => true,
        (None, Chosen::Whole | Chosen::WholeAndSmoke) => kernel == Kernel::MAIN,
        (None, Chosen::Named(_)) => home(scenario) == Some(kernel),
    };
    let of = |kernel| {
        let shown = candidates.iter().filter(|scenario| scenario.kernels.contains(&kernel));
        shown.filter(|scenario| is_run(scenario, kernel)).copied().collect::<Vec<_>>()
    };
    // The main kernel comes first.
    let (main, others): (Vec<_>, Vec<_>) =
        Kernel::ALL.into_iter().partition(|kernel| *kernel == Kernel::MAIN);
    let planned = main.into_iter().chain(others).map(|kernel| (kernel, of(kernel)));
    Ok(planned.filter(|(_, scenarios)| !scenarios.is_empty()).collect())
}

/// Where a scenario is shown when nobody names a kernel.
fn home(scenario: &Scenario) -> Option<Kernel> {
    let main = scenario.kernels.iter().find(|kernel| **kernel == Kernel::MAIN);
    main.or(scenario.kernels.first()).copied()
}

fn names(scenario: &Scenario) -> Vec<&'static str> {
    scenario.kernels.iter().map(|kernel| kernel.name()).collect()
}

#[cfg(test)]
mod tests {
    use kniwatch_tests::guest::Kernel::{self, Linux61, Linux510, Linux612};
    use kniwatch_tests::scenario::Scenario;

    use super::{Chosen, Kernels, plan};

    static EVERYWHERE: Scenario = Scenario { name: "everywhere", smoke: true, ..Scenario::USUAL };
    static USUAL: Scenario = Scenario { name: "usual", ..Scenario::USUAL };
    static OLD: Scenario = Scenario { name: "old", kernels: &[Linux510], ..Scenario::USUAL };
    const ALL: [&Scenario; 3] = [&EVERYWHERE, &USUAL, &OLD];

    #[test]
    fn a_plan_has_what_was_asked_for_where_it_can_be_shown() {
        let of = |chosen, kernels: Option<&str>| -> Vec<(Kernel, Vec<&str>)> {
            let kernels = kernels.map(|kernels| kernels.parse().unwrap());
            let names = |scenarios: Vec<&Scenario>| scenarios.iter().map(|scenario| scenario.name).collect();
            let plan = plan(&ALL, chosen, kernels).unwrap().into_iter();
            plan.map(|(kernel, scenarios)| (kernel, names(scenarios))).collect()
        };
        let (both, one): ([&Scenario; 2], [&Scenario; 1]) = ([&OLD, &USUAL], [&USUAL]);
        let main = (Linux61, vec!["everywhere", "usual"]);
        assert_eq!(of(Chosen::Whole, None), std::slice::from_ref(&main));
        let smoke = |kernel| (kernel, vec!["everywhere"]);
        assert_eq!(of(Chosen::WholeAndSmoke, None), [main.clone(), smoke(Linux510), smoke(Linux612)]);
        let old = (Linux510, vec!["everywhere", "usual", "old"]);
        assert_eq!(of(Chosen::Whole, Some("5.10")), std::slice::from_ref(&old));
        let new = (Linux612, main.1.clone());
        assert_eq!(of(Chosen::WholeAndSmoke, Some("all")), [main, old, new]);
        assert_eq!(of(Chosen::Named(&both), None), [(Linux61, vec!["usual"]), (Linux510, vec!["old"])]);
        assert_eq!(of(Chosen::Named(&one), Some("6.12")), [(Linux612, vec!["usual"])]);
    }

    #[test]
    fn a_scenario_on_a_kernel_where_it_is_not_shown_is_refused() {
        let error = plan(&ALL, Chosen::Named(&[&OLD]), Some(Kernels::One(Linux61))).unwrap_err();
        assert_eq!(error.to_string(), "old is not shown on Linux 6.1, only on [\"5.10\"]");
    }
}
