//! Lets the kernel put frames into an interface, without a system call for each of them.
//!
//! The frames lie in the kernel, and a program in its byte code (XDP) hands out one after the other. `BPF_PROG_RUN` in its mode
//! of live frames ([documentation](https://docs.kernel.org/bpf/bpf_prog_run.html), Linux 5.18) passes each on as if the interface
//! had received it. Drivers of network adapters do the same: a frame lies in memory that is used over and over, and what comes
//! together goes up together.

use std::io;

use aya::Ebpf;
use aya::programs::{TestRun, TestRunAttrs, TestRunOptions, Xdp};
use nix::net::if_::if_nametoindex;
use object::elf::R_BPF_64_64;
use object::write::{Object, Relocation, StandardSection, Symbol, SymbolSection};
use object::{
    Architecture, BinaryFormat, Endianness, RelocationFlags, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
};

use super::Frame;

/// Frames in the kernel, handed out in their order; after the last one comes the first.
pub struct Injector {
    kernel: Ebpf,
    /// What a frame is before the program fills it: as large as the largest one.
    empty: Vec<u8>,
    /// `struct xdp_md`: from which interface it comes.
    context: Vec<u8>,
}

impl Injector {
    /// So many frames go up together, as many as a driver hands over in one poll.
    const TOGETHER: u32 = 64;
    const PROGRAM: &str = "inject";

    /// Takes frames to the kernel, for an interface of this namespace.
    pub fn new(interface: &str, frames: &[Frame]) -> io::Result<Self> {
        let largest = frames.iter().map(|frame| frame.bytes.len()).max().unwrap_or_default();
        let records = Records::new(frames, largest);
        let mut kernel = Ebpf::load(&object(&records, largest)?).map_err(io::Error::other)?;
        let program = kernel.program_mut(Self::PROGRAM).ok_or(io::ErrorKind::NotFound)?;
        let program: &mut Xdp = program.try_into().map_err(io::Error::other)?;
        program.load().map_err(io::Error::other)?;
        // Where data begins and ends, then metadata, the interface, its queue, and an interface that frames leave by.
        let context = [0, largest as u32, 0, if_nametoindex(interface)?, 0, 0];
        let context = context.iter().flat_map(|word: &u32| word.to_ne_bytes()).collect();
        Ok(Self { kernel, empty: vec![0; largest], context })
    }

    /// Puts the next so many frames into the interface.
    pub fn inject(&self, frames: usize) -> io::Result<()> {
        let program = self.kernel.program(Self::PROGRAM).ok_or(io::ErrorKind::NotFound)?;
        let program: &Xdp = program.try_into().map_err(io::Error::other)?;
        let run = TestRunOptions {
            data_in: Some(&self.empty),
            ctx_in: Some(&self.context),
            repeat: u32::try_from(frames).map_err(io::Error::other)?,
            attrs: TestRunAttrs::new().xdp_live_frames(Self::TOGETHER),
            ..TestRunOptions::new()
        };
        program.test_run(run).map_err(io::Error::other)?;
        Ok(())
    }
}

/// The memory of the program: where the record of the next frame begins (eight bytes), then a record for each frame:
///
/// | at | bytes | |
/// |---|---|---|
/// | 0 | 4 | where the record after it begins; after the last one comes the first |
/// | 4 | 2 | how much shorter than the largest frame it is |
/// | 6 | 1 | where in the frame the half of the client's address is that is moved on |
/// | 7 | 1 | that of the server's |
/// | 8 | | the frame, filled up to a multiple of eight bytes |
struct Records {
    bytes: Vec<u8>,
    /// Where the last one begins.
    last: usize,
}

impl Records {
    const FRAME: usize = 8;

    fn new(frames: &[Frame], largest: usize) -> Self {
        let first = size_of::<u64>();
        let mut bytes = (first as u64).to_ne_bytes().to_vec();
        let mut last = first;
        for Frame { bytes: frame, moved, .. } in frames {
            last = bytes.len();
            let next = (last + Self::FRAME + frame.len()).next_multiple_of(size_of::<u64>());
            bytes.extend((next as u32).to_ne_bytes());
            bytes.extend(((largest - frame.len()) as u16).to_ne_bytes());
            bytes.extend(moved.map(|at| at as u8));
            bytes.extend(frame);
            bytes.resize(next, 0);
        }
        bytes[last..last + size_of::<u32>()].copy_from_slice(&(first as u32).to_ne_bytes());
        // The program copies the size of the largest frame from every record.
        bytes.extend(vec![0; largest]);
        Self { bytes, last }
    }
}

/// The program: takes a frame of the size of the largest one, and makes the next one of it.
fn instructions(records: &Records, largest: usize) -> String {
    let Records { last, .. } = records;
    // The half of the client's address goes up by one, that of the server's down: the sum stays, and so do all checksums.
    let (client, server) = (moving(6, "add"), moving(7, "sub"));
    format!(
        "mov r6, r1             ; the frame
         lddw r9, 0             ; the memory: its address is put in when the program is loaded
         ldxw r7, [r9]          ; the record
         jle r7, {last}, +2     ; always: the kernel runs nothing that may leave its memory
         mov r0, 1              ; XDP_DROP
         exit
         mov r8, r9
         add r8, r7
         ldxw r1, [r8+0]        ; next time the next one
         stxw [r9], r1

         mov r1, r6             ; bpf_xdp_store_bytes(frame, 0, record + 8, largest)
         mov r2, 0
         mov r3, r8
         add r3, 8
         mov r4, {largest}
         call 190

         mov r1, r6             ; bpf_xdp_adjust_tail(frame, -shorter)
         ldxh r2, [r8+4]
         neg r2
         call 65

         {client}

         {server}

         mov r0, 2              ; XDP_PASS
         exit"
    )
}

/// Has the half of an address, whose place in the frame stands in the record at `at`, moved on by one.
fn moving(at: usize, by: &str) -> String {
    format!(
        "ldxb r1, [r8+{at}]
         and r1, 63
         mov r2, r8
         add r2, r1
         ldxh r3, [r2+8]
         be16 r3
         {by} r3, 1
         be16 r3
         stxh [r2+8], r3"
    )
}

/// An object file as compilers write it, with program and memory.
fn object(records: &Records, largest: usize) -> io::Result<Vec<u8>> {
    /// The second instruction has the address of the memory.
    const ADDRESS_AT: u64 = 8;
    let text = instructions(records, largest);
    let text: Vec<_> = text.lines().filter_map(|line| line.split(';').next()).collect();
    let code = rbpf::assembler::assemble(&text.join("\n")).map_err(io::Error::other)?;
    let mut object = Object::new(BinaryFormat::Elf, Architecture::Bpf, Endianness::Little);
    let program = object.add_section(vec![], b"xdp".to_vec(), SectionKind::Text);
    object.append_section_data(program, &code, 8);
    object.add_symbol(Symbol {
        name: Injector::PROGRAM.into(),
        value: 0,
        size: code.len() as u64,
        kind: SymbolKind::Text,
        scope: SymbolScope::Dynamic,
        weak: false,
        section: SymbolSection::Section(program),
        flags: SymbolFlags::None,
    });
    let memory = object.section_id(StandardSection::Data);
    object.set_section_data(memory, &records.bytes, 8);
    let symbol = object.section_symbol(memory);
    let flags = RelocationFlags::Elf { r_type: R_BPF_64_64 };
    let address = Relocation { offset: ADDRESS_AT, symbol, addend: 0, flags };
    object.add_relocation(program, address).map_err(io::Error::other)?;
    object.write().map_err(io::Error::other)
}
