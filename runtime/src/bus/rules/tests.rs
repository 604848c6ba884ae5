use proptest::prelude::*;

use super::*;

const LONG: u64 = u64::MAX;

fn rule(act: Act, agents: Option<&[u32]>) -> Rule {
    Rule { act, agents: agents.map(<[u32]>::to_vec), until_ns: LONG, seed: 3 }
}

fn packet(from: u32, to: u32) -> Packet {
    Packet { from, to, connection: 1, seq: 9 }
}

fn lost(rules: &Rules, from: u32, to: u32) -> bool {
    rules.fate(packet(from, to)).lost
}

#[test]
fn a_cut_stops_what_crosses_it_in_its_direction_and_nothing_else() {
    const GATEWAY: u32 = u32::MAX;
    let table = [
        (Way::Both, [(4, 9, true), (9, 4, true), (4, 5, false), (8, 9, false), (GATEWAY, 4, true)]),
        (Way::From, [(4, 9, true), (9, 4, false), (4, 5, false), (8, 9, false), (GATEWAY, 4, false)]),
        (Way::To, [(4, 9, false), (9, 4, true), (4, 5, false), (8, 9, false), (GATEWAY, 4, true)]),
    ];
    for (way, cases) in table {
        let rules = Rules::shared().unwrap();
        let place = rules.put(&rule(Act::Cut(way), Some(&[4, 5]))).unwrap();
        for (from, to, stopped) in cases {
            assert_eq!(lost(rules, from, to), stopped, "{way:?} {from} -> {to}");
        }
        assert!(rules.cut(9, 4) && rules.cut(4, 9) && !rules.cut(4, 5));
        rules.clear(place);
        assert!(!lost(rules, 4, 9) && !rules.any());
    }
}

#[test]
fn a_rule_ends_by_itself_and_what_it_did_can_still_be_read() {
    let rules = Rules::shared().unwrap();
    let over = Rule { until_ns: now_ns() + 20_000_000, ..rule(Act::Drop(1_000_000), None) };
    let place = rules.put(&over).unwrap();
    assert!(lost(rules, 1, 2));
    while now_ns() < over.until_ns {}
    assert!(!lost(rules, 1, 2));
    assert_eq!(rules.counts(place), [1, 1, 0]);
}

#[test]
fn only_packets_of_the_agents_concerned_are_considered() {
    let rules = Rules::shared().unwrap();
    let place = rules.put(&rule(Act::Duplicate(1_000_000), Some(&[7, 5_000]))).unwrap();
    assert!(rules.fate(packet(7, 1)).twice && rules.fate(packet(1, 7)).twice);
    assert!(!rules.fate(packet(1, 2)).twice);
    assert_eq!(rules.counts(place), [2, 2, 0]);
}

#[test]
fn there_is_room_for_so_many_rules_and_no_more() {
    let rules = Rules::shared().unwrap();
    for _ in 0..MOST_RULES {
        assert!(rules.put(&rule(Act::Drop(1), None)).is_some());
    }
    assert_eq!(rules.put(&rule(Act::Drop(1), None)), None);
    rules.clear(5);
    assert_eq!(rules.put(&rule(Act::Drop(1), None)), Some(5));
}

#[test]
fn a_shifted_clock_is_counted_once_for_each_agent_that_sees_it() {
    let rules = Rules::shared().unwrap();
    let place = rules.put(&rule(Act::Clock(-5_000_000), Some(&[3, 4]))).unwrap();
    for agent in [3, 3, 9] {
        rules.observe_clock(agent, 0);
        rules.observe_clock(agent, rules.offset_ns(agent));
    }
    assert_eq!(rules.counts(place), [1, 1, 5_000]);
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        any::<u32>().prop_map(Act::Drop),
        any::<(u32, u64, u64)>().prop_map(|(per_million, by_ns, jitter_ns)| Act::Delay {
            per_million,
            by_ns,
            jitter_ns
        }),
        any::<u32>().prop_map(Act::Duplicate),
        any::<u32>().prop_map(Act::Reorder),
        any::<u32>().prop_map(Act::Corrupt),
        prop_oneof![Just(Way::Both), Just(Way::From), Just(Way::To)].prop_map(Act::Cut),
        any::<i64>().prop_map(Act::Clock),
    ]
}

proptest! {
    #[test]
    fn every_rule_is_read_back_as_it_was_put(
        act in act(),
        agents in proptest::option::of(proptest::collection::btree_set(0u32..2_000, 0..50)),
        until_ns: u64,
        seed: u64,
    ) {
        let rules = Rules::shared().unwrap();
        let rule = Rule { act, agents: agents.map(|set| set.into_iter().collect()), until_ns, seed };
        prop_assert!(rules.put(&rule).is_some());
    }
}
