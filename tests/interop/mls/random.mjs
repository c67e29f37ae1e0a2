// random: choices that a seed repeats (xorshift32). Keys are made by the libraries, not by this.

export class SeededRandom {
  constructor(seed) {
    this.state = (seed * 2654435761 + 1) >>> 0 || 1;
    for (let i = 0; i < 8; i++) this.next();
  }

  next() {
    this.state ^= this.state << 13;
    this.state ^= this.state >>> 17;
    this.state ^= this.state << 5;
    this.state >>>= 0;
    return this.state;
  }

  /** 0 to n - 1. */
  below(n) {
    return this.next() % n;
  }

  /** low to high, both included. */
  between(low, high) {
    return low + this.below(high - low + 1);
  }

  percent(p) {
    return this.below(100) < p;
  }

  pick(list) {
    return list[this.below(list.length)];
  }

  bytes(n) {
    return Buffer.from(Array.from({ length: n }, () => this.below(256)));
  }
}
