//! The runtime as a program of its own, for tests and benchmarks.

fn main() {
    let status = runtime::swarm_main(std::env::args_os());
    std::process::exit(status);
}
