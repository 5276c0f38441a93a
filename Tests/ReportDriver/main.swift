// The supervisor alone, without the search for programs and libraries that `run` does:
//
//   ReportDriver [-d] [--text | --json] [-o FILE] [-l LIBRARY] /PATH/OF/PROGRAM [ARG…]

import Glibc
import Launch
import LinuxSystem
import Supervision

var options = SupervisorOptions()
var arguments = CommandLine.arguments.dropFirst()
var library: String?
parsing: while let argument = arguments.first {
    switch argument {
    case "-d": options.debug = true
    case "--text": options.report = .text
    case "--json": options.report = .json
    case "-o":
        options.output = arguments.dropFirst().first.map { Bytes($0.utf8) }
        arguments.removeFirst()
    case "-l":
        library = arguments.dropFirst().first
        arguments.removeFirst()
    default: break parsing
    }
    arguments.removeFirst()
}

var environment: [[CChar]] = []
var variable = environ
while let entry = variable.pointee {
    environment.append(Array(String(cString: entry).utf8CString))
    variable += 1
}
var plan = LaunchPlan(
    executable: Array(arguments.first!.utf8CString),
    arguments: arguments.map { Array($0.utf8CString) },
    environment: environment, notes: [])
if let library { plan.setEnvironment("LD_PRELOAD", library) }
do throws(Failure) {
    try Supervisor.run(plan, options: options).reproduce()
} catch {
    try? writeAll("\(error.message)\n".utf8, to: STDERR_FILENO)
    exit(error.status.rawValue)
}
