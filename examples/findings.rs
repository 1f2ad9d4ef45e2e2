//! Says of every reset in a capture why it was sent: `cargo run --example findings -- samples/mixed.pcap`.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let capture = std::env::args().nth(1).ok_or("usage: findings CAPTURE")?;
    for finding in rstscan::open(capture)? {
        let finding = finding?;
        let (reset, verdict) = (&finding.reset, &finding.verdict);
        println!("{} {}: {}/{} {}", reset.frame, reset.tuple, verdict.class, verdict.cause, verdict.certainty);
    }
    Ok(())
}
