// mls_group_bench: a member's work in groups of 2 to 10,000, suite 1, against the primitives that
// RFC 9420 and RFC 9180 demand for it, measured in the same run.
//
// A floor counts signatures, verifications, X25519 multiplications, and for HPKE and key
// derivation also the HMACs and the AEAD; where threads share the work, `ratio` compares wall-clock
// time with half of it, and `cpu` all threads' processor time with the whole. Bytes are what
// travels, or what is stored; "bare" and "warm" are explained in mls_world.h.
//
// usage: qnpc-bench-mls-group [LARGEST]   stops at groups of that many members
#include <cmath>
#include <cstdio>
#include <cstdlib>

#include "measure.h"
#include "mls_world.h"
#include "qnpc/crypto/x25519.h"

namespace {

using namespace qnpc;
using namespace qnpc::bench;

constexpr uint32_t sizes[] = {2, 16, 128, 1000, 10000};
constexpr size_t message_size = 256;
// Messages for one measurement, and primitives likewise: less than a scheduler's slice of time, so
// that some measurement is not interrupted.
constexpr int batch = 10;
constexpr double threads = 2;  // that the targets are for

/// Microseconds each.
struct Floor {
  double sign, verify, base, multiply, hmac, aead;
  // RFC 9180: DeriveKeyPair, ExtractAndExpand, and KeySchedule without what `info` alone decides.
  double derive_key() const { return base + 2 * hmac; }
  double open() const { return multiply + 5 * hmac + aead; }
  double seal() const { return derive_key() + open(); }
  // RFC 9420 7.4: one node of a path, from its path secret.
  double path_key() const { return derive_key() + 2 * hmac; }
};

template <class Body>
double primitive(Body&& body) {
  Spent spent = least_of_many([&] {
    for (int i = 0; i < batch; ++i) body();
  });
  return spent.cpu / batch;
}

Floor measure_floor(Random& random) {
  auto scheme = crypto::SignatureScheme::ed25519;
  auto signer = crypto::generate_signature_key(scheme, random);
  Bytes message = random.bytes(message_size);
  Bytes signature = crypto::sign(scheme, signer, message);
  auto a = crypto::generate_x25519_key(random);
  auto b = crypto::generate_x25519_key(random);
  Bytes key = random.bytes(16);
  Bytes nonce(crypto::aead_nonce_size);
  View secret = View(message).first(32);
  Floor out{};
  out.sign = primitive([&] { signature = crypto::sign(scheme, signer, message); });
  out.verify = primitive([&] {
    if (!crypto::verify(scheme, signer.public_key, message, signature)) std::abort();
  });
  out.base = primitive([&] { crypto::x25519_key_from_private(a.private_key.reveal()); });
  out.multiply = primitive([&] { crypto::x25519(a.private_key, b.public_key); });
  out.hmac = primitive([&] { crypto::hmac(crypto::Hash::sha256, secret, {secret}); });
  out.aead =
      primitive([&] { crypto::aead_seal(crypto::Aead::aes_128_gcm, key, nonce, {}, secret); });
  return out;
}

struct Row {
  const char* what;
  Spent spent;
  size_t wire = 0;
  double floor = 0;       // of one thread; 0: none is named
  double by_threads = 1;  // that may share it
  double target = 0;
  uint32_t judged_from = 1000;  // members: where the targets for commit and join begin
};

void print(const char* shape, uint32_t members, const Row& row) {
  std::printf("%6u %-5s %-11s %11.1f us", members, shape, row.what, row.spent.wall);
  if (row.wire != 0) {
    std::printf(" %9zu B", row.wire);
  } else {
    std::printf(" %11s", "");
  }
  if (row.floor != 0) {
    std::printf("  floor %10.1f us  ratio %5.2f  cpu %5.2f", row.floor / row.by_threads,
                row.spent.wall * row.by_threads / row.floor, row.spent.cpu / row.floor);
  }
  if (row.target != 0 && members >= row.judged_from) std::printf("  at most %.2f", row.target);
  std::printf("\n");
}

// How many HPKE ciphertexts a commit of that member holds, and how many keys it makes.
struct PathSize {
  size_t seals = 0;
  size_t keys = 1;  // the leaf's own
};
PathSize path_size(const mls::RatchetTree& tree, mls::LeafIndex member) {
  PathSize out;
  for (mls::NodeIndex node : tree.filtered_direct_path(member)) {
    ++out.keys;
    out.seals += tree.resolution(mls::RatchetTree::copath_child(node, member)).size();
  }
  return out;
}

// The keys that a receiver derives: those above the common ancestor, and it.
size_t derived_keys(const mls::RatchetTree& tree, mls::LeafIndex sender, mls::LeafIndex receiver) {
  size_t out = 0;
  mls::NodeIndex ancestor = mls::common_ancestor(sender, receiver);
  for (mls::NodeIndex node : tree.filtered_direct_path(sender)) {
    if (mls::in_subtree(ancestor, node)) ++out;
  }
  return out;
}

void bench_commits(World& w, uint32_t members, const char* shape, const Floor& floor) {
  mls::Group& alice = *w.alice_group;
  PathSize path = path_size(alice.tree(), alice.own_leaf());
  double made = static_cast<double>(path.seals) * floor.seal() +
                static_cast<double>(path.keys) * floor.path_key() + 2 * floor.sign;
  // The first of the epoch, so that its receiver has no generation to skip.
  const Bytes commit = alice.commit({}, w.alice.signer, now, w.random).message;
  Spent spent = least_of_many([&] { alice.commit({}, w.alice.signer, now, w.random); });
  print(shape, members, {"commit", spent, commit.size(), made, threads, 1.3});

  Client carol = make_client(w.suite, w.random);
  mls::NewCommit add;
  spent =
      least_of_many([&] { add = alice.commit(adding({&carol}), w.alice.signer, now, w.random); });
  // Two signatures of the KeyPackage, one for the GroupInfo; one seal of the Welcome.
  print(shape, members,
        {"add one", spent, add.message.size() + add.welcome->size(),
         made + 2 * floor.verify + floor.sign + floor.seal(), threads});

  double keys =
      static_cast<double>(derived_keys(alice.tree(), alice.own_leaf(), w.bob_group->own_leaf()));
  spent = least_of_many([&] { w.bob_group->process(mls::parse_message(commit), now); });
  print(shape, members,
        {"process", spent, commit.size(), 2 * floor.verify + floor.open() + keys * floor.path_key(),
         1, 1.5});
}

void bench_messages(World& w, uint32_t members, const char* shape, const Floor& floor) {
  Bytes data = w.random.bytes(message_size);
  std::vector<Bytes> messages(batch);
  Spent protect, unprotect;
  constexpr int rounds = 60;
  for (int round = 0; round < rounds; ++round) {
    Spent sent = spent_by([&] {
      for (Bytes& message : messages) {
        message = w.alice_group->protect(data, w.alice.signer, 0, w.random);
      }
    });
    Spent opened = spent_by([&] {
      for (const Bytes& message : messages) {
        w.bob_group->process(mls::parse_message(message), now);
      }
    });
    protect = least(protect, sent);
    unprotect = least(unprotect, opened);
  }
  auto each = [](Spent spent) { return Spent{spent.wall / batch, spent.cpu / batch}; };
  size_t wire = messages[0].size();
  print(shape, members, {"protect", each(protect), wire, floor.sign, 1, 1.4, 0});
  print(shape, members, {"unprotect", each(unprotect), wire, floor.verify, 1, 1.25, 0});
}

void bench_storage(World& w, uint32_t members, const char* shape) {
  struct Counting final : Storage {
    std::optional<Secret> get(std::string_view name) const override { return inner.get(name); }
    std::vector<std::string> names(std::string_view prefix) const override {
      return inner.names(prefix);
    }
    void put(std::string_view name, const Secret& value) override {
      written += value.size();
      inner.put(name, value);
    }
    void erase(std::string_view name) override { inner.erase(name); }
    void erase_all(std::string_view prefix) override { inner.erase_all(prefix); }
    MemoryStorage inner;
    size_t written = 0;
  } storage;
  auto save = [&](const char* what, mls::Group& group) {
    storage.written = 0;
    Spent spent = spent_by([&] { group.save(storage); });
    print(shape, members, {what, spent, storage.written});
  };
  save("save", *w.bob_group);
  size_t all = storage.written;
  w.alice_commits();
  save("  a commit", *w.bob_group);
  w.bob_group->protect(w.random.bytes(message_size), w.bob.signer, 0, w.random);
  save("  a message", *w.bob_group);
  size_t before = live_bytes();
  std::optional<mls::Group> loaded;
  Spent spent = spent_by([&] { loaded.emplace(mls::Group::load(storage)); });
  print(shape, members, {"load", spent, all});
  double mebibyte = 1 << 20;
  std::printf("%6u %-5s memory: %.2f MiB with all past epochs, %.2f MiB loaded", members, shape,
              static_cast<double>(w.bob_memory) / mebibyte,
              static_cast<double>(live_bytes() - before) / mebibyte);
  std::printf(members == 10000 ? " (at most 8)\n" : "\n");
}

/// Microseconds of processor time.
double bench_join(World& w, uint32_t members, const char* shape, const Floor& floor) {
  Spent spent = least_of_many([&] { join(w.welcome, w.bob); });
  print(shape, members, {"join", spent, w.welcome.size(), members * floor.verify, threads, 1.3});
  return spent.cpu;
}

/// Microseconds of processor time.
double bench_adding(uint32_t added, const Floor& floor, crypto::SystemRandom& random) {
  Client creator = make_client(suite_1, random);
  mls::Group group = create_group(creator, random);
  std::vector<Client> clients;
  std::vector<const Client*> pointers;
  for (uint32_t i = 0; i < added; ++i) clients.push_back(make_client(suite_1, random));
  for (const Client& client : clients) pointers.push_back(&client);
  mls::CommitOptions options = adding(pointers);
  mls::NewCommit commit;
  Spent spent = least_of_many([&] { commit = group.commit(options, creator.signer, now, random); });
  print("new", added,
        {"add all", spent, commit.message.size() + commit.welcome->size(),
         added * (2 * floor.verify + floor.seal()), threads, 1.5});
  return spent.cpu;
}

// The x of members^x, from two measurements.
double exponent(double small_time, double large_time) {
  return std::log(large_time / small_time) / std::log(10.0);
}

}  // namespace

int main(int argc, char** argv) {
  uint32_t largest = argc > 1 ? static_cast<uint32_t>(std::strtoul(argv[1], nullptr, 10)) : 10000;
  crypto::SystemRandom random;
  std::printf("MLS groups, suite 1; the least of several runs, floors for %.0f threads\n", threads);
  Floor last{};
  for (Shape shape : {Shape::bare, Shape::warm}) {
    const char* name = shape == Shape::bare ? "bare" : "warm";
    double joins[2] = {0, 0};
    for (uint32_t members : sizes) {
      if (members > largest) break;
      World world = make_world(suite_1, shape, members, random);
      Floor floor = last = measure_floor(random);
      bench_commits(world, members, name, floor);
      double spent = bench_join(world, members, name, floor);
      bench_messages(world, members, name, floor);
      bench_storage(world, members, name);
      if (members >= 1000) joins[members == 10000] = spent;
    }
    if (joins[1] != 0) {
      std::printf("%s: join grows as members^%.2f from 1,000 to 10,000\n", name,
                  exponent(joins[0], joins[1]));
    }
  }
  double small = bench_adding(100, last, random);
  if (largest >= 1000) {
    double large = bench_adding(1000, last, random);
    std::printf("adding grows as added^%.2f from 100 to 1,000\n", exponent(small, large));
  }
  std::printf(
      "primitives: Ed25519 sign %.1f, verify %.1f us; X25519 base point %.1f, other %.1f us;"
      " HMAC %.2f us; AES-GCM seal %.2f us\n",
      last.sign, last.verify, last.base, last.multiply, last.hmac, last.aead);
}
