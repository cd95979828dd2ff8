"""The way in for agents: tools and prompts of the Model Context Protocol, and a skill."""
