//! `shakedown doctor`: what this host can do.

use chaos::Ability;
use evidence::unit::Unit;

use crate::exit::Exit;

/// Prints the host, its limits, and each fault with its mechanism and whether it works.
pub(crate) fn command() -> Exit {
    let host = harness::host::facts();
    #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
    let memory = Unit::Bytes.show(host.memory as f64);
    say!("host    Linux {}, {} CPUs, {memory}; class {}", host.kernel, host.cores, host.class);
    for (name, value) in &host.limits {
        say!("limit   {name} {value}");
    }
    let abilities = chaos::abilities();
    let works = abilities.iter().filter(|ability| ability.works.is_ok()).count();
    say!("faults  {works} of {} work here, for this user", abilities.len());
    say!("");
    crate::terminal::say(format_args!("{}", table(&abilities)));
    Exit::Go
}

/// One line a fault: what works first in the order of the catalogue, the reason behind what does not.
fn table(abilities: &[Ability]) -> String {
    let widest =
        |of: fn(&Ability) -> &str| abilities.iter().map(|a| of(a).chars().count()).max().unwrap_or(0);
    let (kinds, mechanisms) = (widest(|a| a.kind), widest(|a| &a.mechanism));
    abilities
        .iter()
        .map(|Ability { kind, mechanism, privilege, works }| {
            let (word, why) = match works {
                Ok(()) => ("works", String::new()),
                Err(why) => ("no", format!(": {why}")),
            };
            format!("  {word:<5}  {kind:<kinds$}  {mechanism:<mechanisms$}  {privilege}{why}\n")
        })
        .collect()
}
