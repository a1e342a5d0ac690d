// SPDX-License-Identifier: Apache-2.0
#include "apps/jitney/cli.hpp"
#include "apps/host/version.hpp"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <cstdlib>
#include <exception>

#include "apps/jitney/commands.hpp"

namespace jitney::app {

namespace {

constexpr const char* kAbout =
    "Gives every GitHub Actions job a fresh, just-in-time runner and takes the machine away when "
    "the\n"
    "job ends. Try it without a GitHub account: jitney demo";

constexpr const char* kFooter = R"(
Exit status:
  0   done
  1   failed; stderr says why
  2   the command line or the configuration is wrong
  3   not found: no such job or dead letter, or no database yet
  4   the running server does not answer
  78  of `serve` alone: a person must change the configuration or the machine first

Configuration: --config, else $JITNEY_CONFIG, else ./jitney.toml, else /etc/jitney/jitney.toml.
Commands that show read the database directly, beside a running server or without one.)";

constexpr const char* kGlobal = "Options of every command, and exit statuses: jitney --help";

// What parsing yields. `action` is the command that was named.
struct Parsed {
  std::string config;
  std::string output = "table";
  std::function<int(Parsed&)> action;

  JobsOptions jobs;
  std::string pool;  // of runners
  std::string job;   // of explain
  std::string letter;
  std::vector<std::string> letters;
  bool all_letters = false;
  bool file_only = false;
  DemoOptions demo;
  WebhookOptions webhook;

  [[nodiscard]] bool json() const { return output == "json"; }
};

// Empty: there is none.
std::string find_config(const Parsed& parsed) {
  if (!parsed.config.empty()) return parsed.config;
  if (const char* named = std::getenv("JITNEY_CONFIG"); named != nullptr && *named != '\0') {
    return named;
  }
  for (const char* usual : {"jitney.toml", "/etc/jitney/jitney.toml"}) {
    if (access(usual, F_OK) == 0) return usual;
  }
  return "";
}

core::Error no_config() {
  return {.fault = core::Fault::not_found,
          .what =
              "no configuration: there is no ./jitney.toml and no /etc/jitney/jitney.toml; "
              "write one (docs/configuration.md has an example) or name it with --config"};
}

int complain_of_config(int status, const core::Error& error) {
  if (error.fault == core::Fault::not_found) return complain(status, error.what);
  return complain(status, "the configuration has mistakes:\n" + error.what);
}

// Whatever collects the server's log reads lines of JSON, also where there is no server yet.
int refuse_to_serve(const core::Error& error) {
  if (isatty(STDERR_FILENO) == 1) return complain_of_config(kConfiguration, error);
  for (const std::string& line : lines_of(error)) {
    net::log(net::LogLevel::error, "cannot start",
             {{"fault", core::to_string(error.fault)}, {"error", line}});
  }
  return kConfiguration;
}

// The configuration that the command line names.
core::Result<Config> configuration(const Parsed& parsed) {
  const std::string path = find_config(parsed);
  return path.empty() ? std::unexpected(no_config()) : load_config(path);
}

template <class Command>
std::function<int(Parsed&)> asking(Command command) {
  return [command](Parsed& parsed) {
    const auto config = configuration(parsed);
    if (!config) return complain_of_config(kUsage, config.error());
    const auto now = std::chrono::system_clock::now();
    const Asked asked{.config = *config,
                      .json = parsed.json(),
                      .screen = screen_of(STDOUT_FILENO),
                      .now = std::chrono::time_point_cast<core::Duration>(now)};
    return command(asked, parsed);
  };
}

int serve_with(const Parsed& parsed, const Hosts& hosts) {
  const auto config = configuration(parsed);
  if (!config) return refuse_to_serve(config.error());
  net::set_log_level(config->server.log_level);
  for (const std::string& warning : config->warnings) {
    net::log(net::LogLevel::warning, "configuration", {{"warning", warning}});
  }
  for (const std::string& exposed : check_secrets(*config).exposed) {
    net::log(net::LogLevel::warning, "a secret is open to others", {{"warning", exposed}});
  }
  return hosts.serve(*config);
}

CLI::App* command(CLI::App& app, Parsed& parsed, const std::string& name, const std::string& about,
                  const std::string& footer, std::function<int(Parsed&)> action) {
  CLI::App* made = app.add_subcommand(name, about);
  made->footer(footer + (footer.empty() ? "" : "\n") + kGlobal);
  if (action) made->callback([&parsed, action = std::move(action)] { parsed.action = action; });
  return made;
}

void add_hosts(CLI::App& app, Parsed& parsed, const Hosts& hosts) {
  command(
      app, parsed, "serve", "Run the server: webhooks in, runners out",
      "Logs are JSON lines on stderr. SIGTERM drains: running jobs are left alone, and adopted by "
      "the\nnext start.",
      [&hosts](Parsed& p) { return serve_with(p, hosts); });
  CLI::App* demo = command(
      app, parsed, "demo", "Watch jobs move: a simulated GitHub, the real server, real processes",
      "Needs no account, no network and no configuration.\nExample: jitney demo --jobs 50 --exit",
      [&hosts](Parsed& p) { return hosts.demo(p.demo); });
  demo->add_option("--jobs", parsed.demo.jobs, "How many jobs to queue (20)")
      ->check(CLI::Range(1, 100'000).description(""))
      ->type_name("N");
  demo->add_flag("--exit", parsed.demo.exit, "End when all are done; one JSON line comes last");
  demo->add_option("--cpu-max", parsed.demo.cpu_max, "Most runners of pool template_cpu (8)")
      ->check(CLI::Range(1, 1000).description(""))
      ->type_name("N");
  demo->add_option("--gpu-max", parsed.demo.gpu_max, "Most runners of pool template_gpu (2)")
      ->check(CLI::Range(1, 1000).description(""))
      ->type_name("N");
  demo->add_option("--state-dir", parsed.demo.state_dir,
                   "Keep all there, where none was before (default: removed at the end)")
      ->type_name("DIR");
}

void add_lists(CLI::App& app, Parsed& parsed) {
  CLI::App* jobs =
      command(app, parsed, "jobs", "List jobs: what runs, what waits, what was given up",
              "Why one waits: jitney explain JOB",
              asking([](const Asked& asked, const Parsed& p) { return list_jobs(asked, p.jobs); }));
  jobs->add_option("--pool", parsed.jobs.pool, "Of this pool only")->type_name("POOL");
  jobs->add_option("--status", parsed.jobs.status, "waiting, queued, in_progress or completed")
      ->check(CLI::IsMember({"waiting", "queued", "in_progress", "completed"}).description(""))
      ->type_name("STATUS");
  jobs->add_flag("--all", parsed.jobs.all, "Finished ones too, and those that no pool covers");
  jobs->add_option("--limit", parsed.jobs.limit, "At most so many, the newest first (200)")
      ->check(CLI::Range(1, 100'000).description(""))
      ->type_name("N");
  CLI::App* runners = command(
      app, parsed, "runners", "List runners that live: phase, job, machine", "",
      asking([](const Asked& asked, const Parsed& p) { return list_runners(asked, p.pool); }));
  runners->add_option("--pool", parsed.pool, "Of this pool only")->type_name("POOL");
  command(app, parsed, "pools", "List pools: demand, runners, cap, and why launches are held", "",
          asking([](const Asked& asked, const Parsed&) { return list_pools(asked); }));
}

void add_questions(CLI::App& app, Parsed& parsed) {
  CLI::App* one =
      command(app, parsed, "explain", "Say what one job waits for, and what happened to it so far",
              "Examples:\n  jitney explain 39482716253\n"
              "  jitney explain https://github.com/acme/app/actions/runs/9482/job/39482716253",
              asking([](const Asked& asked, const Parsed& p) { return explain(asked, p.job); }));
  one->add_option("JOB", parsed.job, "The job's id, or its address on GitHub")
      ->required()
      ->type_name("");

  CLI::App* dead = command(app, parsed, "dead", "Jobs and wake-ups that were given up", "", {});
  command(*dead, parsed, "list", "List them with their causes", "",
          asking([](const Asked& asked, const Parsed&) { return list_dead(asked); }));
  CLI::App* show = command(
      *dead, parsed, "show", "Show one with all that led to it", "",
      asking([](const Asked& asked, const Parsed& p) { return show_dead(asked, p.letter); }));
  show->add_option("ID", parsed.letter, "As `dead list` shows it, or the job's address")
      ->required();
  CLI::App* redrive =
      command(*dead, parsed, "redrive", "Give them another life, after the cause was mended",
              "Asks the running server; without one it changes the database itself, and the next "
              "start acts.",
              asking([](const Asked& asked, const Parsed& p) {
                if (p.letters.empty() == !p.all_letters) {
                  return complain(kUsage, "dead redrive takes IDs or --all, one of the two");
                }
                return redrive_dead(asked, p.letters, p.all_letters);
              }));
  redrive->add_option("ID", parsed.letters, "As `dead list` shows them")->type_name("");
  redrive->add_flag("--all", parsed.all_letters, "All of them");
}

void add_config(CLI::App& app, Parsed& parsed) {
  CLI::App* config = command(app, parsed, "config", "Look at the configuration", "", {});
  CLI::App* check = command(
      *config, parsed, "check",
      "Tell every mistake with file, line, column and what to write instead",
      "Then: secrets that are missing, of no use or open to others, what this machine lacks, "
      "pools\n"
      "that overlap.\n"
      "Secrets are never printed. Exit status 2: mistakes; 1: secrets or this machine; 0: neither.",
      [](Parsed& p) {
        const std::string path = find_config(p);
        return path.empty() ? complain(kUsage, no_config().what)
                            : check_config(path, p.json(), p.file_only);
      });
  check->add_flag("--file-only", parsed.file_only,
                  "Look at the file alone, not at secrets and this machine");
  command(app, parsed, "version", "Print the version", "",
          [](Parsed& p) { return print_version(p.json()); });
}

// Why `text` is no webhook's number; empty: it is one.
std::string no_hook_number(const std::string& text) {
  std::int64_t number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (error == std::errc{} && stop == end && number > 0) return "";
  return "takes the webhook's number, with which its address on GitHub ends: .../hooks/NUMBER";
}

void add_setup(CLI::App& app, Parsed& parsed) {
  command(
      app, parsed, "doctor", "Check a set-up from outside, and say what to do",
      "Looks at GitHub: credentials, permissions, webhook and its last deliveries, runner "
      "versions;\nand at this machine, or at AWS: templates, images, types, quotas, queues, "
      "functions.\nChanges nothing and prints no secret. Run it while the server runs: a stopped "
      "one fails.\nExit status 1: a check failed.",
      asking([](const Asked& asked, const Parsed&) { return doctor(asked); }));
  CLI::App* webhook = command(app, parsed, "webhook", "The webhook that tells of jobs", "", {});
  CLI::App* install = command(
      *webhook, parsed, "install", "Make GitHub's webhook, or mend it",
      "Shows what it would change and asks: URL, content type, secret and events. What is right "
      "is\nleft alone. Of an App, GitHub lets a person alone set events and Active.\nThen GitHub "
      "sends a ping, which the running server answers. Exit status 1: it was not.",
      asking(
          [](const Asked& asked, const Parsed& p) { return install_webhook(asked, p.webhook); }));
  WebhookOptions& options = parsed.webhook;
  install->add_option("--github", options.github, "Of this [[github]] only")->type_name("NAME");
  install->add_option("--url", options.url, "Where GitHub reaches this server (webhook_url)")
      ->type_name("URL");
  install->add_option("--hook", options.hook, "Change this one, whatever its URL is now")
      ->check(no_hook_number, "")
      ->type_name("NUMBER");
  install->add_flag("--secret", options.secret, "Send the secret too: it cannot be compared");
  install->add_flag("--yes", options.yes, "Do not ask");
  install->add_flag("--dry-run", options.dry_run, "Only show what would change");
}

// "jitney dead redrive --help": of the command that was typed.
std::string help_of(const CLI::App* app) {
  for (auto deeper = app->get_subcommands(); !deeper.empty(); deeper = app->get_subcommands()) {
    app = deeper.front();
  }
  std::string words;
  for (; app != nullptr; app = app->get_parent()) words = app->get_name() + " " + words;
  return words + "--help";
}

// "jitney" or "jitney dead" alone.
int no_command(const CLI::App& app) {
  const CLI::App* typed = &app;
  for (auto deeper = app.get_subcommands(); !deeper.empty(); deeper = typed->get_subcommands()) {
    typed = deeper.front();
  }
  if (typed == &app) {
    print(app.help());
    return kUsage;
  }
  std::string commands;
  for (const CLI::App* one : typed->get_subcommands([](const CLI::App*) { return true; })) {
    commands += (commands.empty() ? "" : ", ") + one->get_name();
  }
  return complain(kUsage, typed->get_name() + " needs one of: " + commands);
}

int parse_and_run(int argc, char** argv, const Hosts& hosts) {
  Parsed parsed;
  CLI::App app(kAbout, "jitney");
  app.footer(kFooter);
  app.fallthrough();  // global options may come after the command
  app.failure_message([](const CLI::App* failed, const CLI::Error& error) {
    return "jitney: " + std::string(error.what()) + "\nSee: " + help_of(failed) + "\n";
  });
  app.add_option("-c,--config", parsed.config, "The configuration file")->type_name("FILE");
  app.add_option("-o,--output", parsed.output, "How to print data: table (default) or json")
      ->check(CLI::IsMember({"table", "json"}).description(""))
      ->type_name("FORM");
  app.set_version_flag("--version", "jitney " + std::string(version()));
  add_hosts(app, parsed, hosts);
  add_lists(app, parsed);
  add_questions(app, parsed);
  add_config(app, parsed);
  add_setup(app, parsed);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? kOk : kUsage;
  }
  return parsed.action ? parsed.action(parsed) : no_command(app);
}

}  // namespace

int run(int argc, char** argv, const Hosts& hosts) {
  try {
    // Before any parsing: what follows belongs to the process fleet, not to people.
    if (argc == 3 && std::string_view(argv[1]) == "shim") return hosts.shim(argv[2]);
    return parse_and_run(argc, argv, hosts);
  } catch (const std::exception& bug) {
    return complain(kFailed, std::string("this is a bug, please report it: ") + bug.what());
  }
}

}  // namespace jitney::app
