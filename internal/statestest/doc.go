// Package statestest is a stand-in of AWS Step Functions, as far as the state machines of
// this project and the operator's command need it: Standard workflows in the Amazon States
// Language with JSONPath, a Distributed Map, tasks that invoke a function or publish a
// message, and the calls that start, follow and stop executions.
//
// It refuses what it does not know when a machine is added, rather than guess. It goes
// beyond the specification (https://states-language.net/spec.html) and the API reference in
// these beliefs:
//
//   - A Distributed Map that passes its tolerated failures begins no other item, and lets
//     those under way end. The developer guide does not say whether the service ends them.
//   - An execution that is stopped ends at once. What it has invoked continues.
//
// Package statemachine runs the same state machines on moto's interpreter.
package statestest
