package engine

// PromptName is promptName, for tests.
var PromptName = promptName
