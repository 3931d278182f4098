//! A video made smaller by ffmpeg: a test picture with a tone goes in, H.264 with AAC comes out.

use std::{path::Path, process::Command};

use anyhow::{Context as _, Result, ensure};
use headframe_protocol::ImageRef;
use serde::Deserialize;

/// How long the clip is, in seconds.
const CLIP_S: u32 = 12;

/// Height of the result, in lines.
const HEIGHT: u32 = 360;

/// Makes the source clip in `desk` and answers with the job file.
pub(super) fn prepare(desk: &Path, image: &ImageRef) -> Result<String> {
    let clip = desk.join("clip.mkv");
    let picture = format!("testsrc2=size=1280x720:rate=30:duration={CLIP_S}");
    let tone = format!("sine=frequency=440:duration={CLIP_S}");
    let mut ffmpeg = Command::new("ffmpeg");
    ffmpeg.args(["-v", "error", "-y", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &tone]);
    // Nearly lossless: a large clip, as a camera makes.
    ffmpeg.args(["-c:v", "mpeg4", "-q:v", "2", "-c:a", "flac"]).arg(&clip);
    let made = ffmpeg.status().context("could not start ffmpeg, which makes the source clip")?;
    ensure!(made.success(), "ffmpeg could not make the source clip");
    Ok(format!(
        "name: clip to H.264
image: {image}
command: [ffmpeg]
args: [-hide_banner, -nostdin, -nostats, -i, clip.mkv, -vf, 'scale=-2:{HEIGHT}', '-c:v', libx264, -preset, fast, '-c:a', aac, clip.mp4]
inputs:
  - file: clip.mkv
outputs: [clip.mp4]
resources: {{cpu: 1, memory_gib: 1, disk_gib: 2}}
timeout_s: 600
max_price_per_hour: '500000'
"
    ))
}

#[derive(Deserialize)]
struct Probe {
    streams: Vec<Stream>,
    format: Format,
}

#[derive(Deserialize)]
struct Stream {
    codec_name: String,
    height: Option<u32>,
}

#[derive(Deserialize)]
struct Format {
    duration: String,
}

/// Asks ffprobe what came back.
pub(super) fn verify(file: &Path) -> Result<String> {
    let mut ffprobe = Command::new("ffprobe");
    ffprobe.args(["-v", "error", "-show_entries", "stream=codec_name,height:format=duration", "-of", "json"]).arg(file);
    let said = ffprobe.output().context("could not start ffprobe")?;
    ensure!(said.status.success(), "ffprobe does not know the result: {}", String::from_utf8_lossy(&said.stderr));
    let Probe { streams, format } = serde_json::from_slice(&said.stdout).context("ffprobe answered something else")?;
    let has = |codec: &str| streams.iter().any(|stream| stream.codec_name == codec);
    ensure!(has("h264") && has("aac"), "the result is not H.264 with AAC");
    ensure!(streams.iter().any(|stream| stream.height == Some(HEIGHT)), "the result is not {HEIGHT} lines high");
    let duration_s: f64 = format.duration.parse().context("ffprobe told no duration")?;
    ensure!((duration_s - f64::from(CLIP_S)).abs() < 0.5, "the result is {duration_s} s long and not {CLIP_S} s");
    Ok(format!("H.264 with AAC, {HEIGHT} lines, {duration_s:.1} s"))
}
