// Videos of equal length that play, stop and step together. Frames are counted from 0.

class Players {
  constructor(videos, fps, frames, onFrame) {
    Object.assign(this, { videos, fps, frames, onFrame, playing: false, rate: 1, frame: 0 });
    this.videos.forEach((video) => {
      video.muted = true;
      video.playsInline = true;
      video.disablePictureInPicture = true;
    });
    if (videos.length) videos[0].addEventListener("ended", () => this.again());
  }

  get first() {
    return this.videos[0];
  }

  async ready() {
    await Promise.all(this.videos.map((video) => new Promise((done) => {
      if (video.readyState >= 3 || video.error) return done();
      for (const event of ["canplay", "error"]) video.addEventListener(event, done, { once: true });
    })));
  }

  // Videos that still load begin together once all can; whoever pauses or steps before that has them stand still.
  play() {
    if (!this.videos.length) return;
    this.playing = true;
    this.ready().then(() => { if (this.playing) this.begin(); });
  }

  begin() {
    const from = this.first.ended || this.frame >= this.frames - 1 ? 0 : this.first.currentTime;
    for (const video of this.videos) {
      video.playbackRate = this.rate;
      if (Math.abs(video.currentTime - from) > 0.5 / this.fps) video.currentTime = from;
      video.play().catch(() => {});
    }
    cancelAnimationFrame(this.watching);
    this.watching = requestAnimationFrame(() => this.watch());
  }

  again() {
    if (!this.playing) return;
    for (const video of this.videos) {
      video.currentTime = 0;
      video.play().catch(() => {});
    }
  }

  pause() {
    const was = this.playing;
    this.playing = false;
    cancelAnimationFrame(this.watching);
    this.videos.forEach((video) => video.pause());
    if (was) this.seek(this.frameAt(this.first.currentTime)); // all show the very same frame
  }

  frameAt(seconds) {
    return Math.max(0, Math.min(this.frames - 1, Math.floor(seconds * this.fps + 1e-3)));
  }

  setRate(rate) {
    this.rate = rate;
    this.videos.forEach((video) => { video.playbackRate = rate; });
  }

  // Aims at the middle of a frame's time, so that rounding never shows its neighbour.
  seek(frame) {
    this.frame = Math.max(0, Math.min(this.frames - 1, frame));
    this.videos.forEach((video) => { video.currentTime = (this.frame + 0.5) / this.fps; });
    this.onFrame(this.frame);
  }

  step(by) {
    this.pause();
    this.seek((this.frame + by + this.frames) % this.frames);
  }

  // Called for each picture of the screen while playing: whoever is ahead or behind runs slower or faster, and jumps
  // where that would take long.
  watch() {
    if (!this.playing) return;
    const now = this.first.currentTime;
    for (const video of this.videos.slice(1)) {
      const behind = now - video.currentTime;
      if (video.seeking || video.ended || this.first.ended) continue;
      if (Math.abs(behind) > 0.4 * this.rate) video.currentTime = now;
      const rate = Math.abs(behind) < 0.25 / this.fps ? this.rate : this.rate * (1 + Math.max(-0.5, Math.min(0.5, 3 * behind)));
      if (video.playbackRate !== rate) video.playbackRate = rate;
    }
    const frame = this.frameAt(now);
    if (frame !== this.frame) {
      this.frame = frame;
      this.onFrame(frame);
    }
    this.watching = requestAnimationFrame(() => this.watch());
  }
}
