"""The tables of MBC CQRS Serverless, the TypeScript framework, and how a stack takes them over."""
