//! `seed reset` and `seed template`.

use std::sync::Arc;

use serde_json::json;

use super::super::App;
use super::super::render::Output;
use super::command::{ResetArgs, TemplateCommand};
use super::plan::audit;
use super::report::Listed;
use crate::config::Target;
use crate::error::Result;
use crate::service::seed::{Templates, refuse};

pub(super) async fn reset(app: &App, args: &ResetArgs) -> Result<Output> {
    let target = allowed(app).await?;
    let templates = Templates::open(&target, Arc::clone(&app.clock)).await?;
    Ok(Output::report(templates.reset(&args.template).await?))
}

pub(super) async fn run(app: &App, command: &TemplateCommand) -> Result<Output> {
    let target = allowed(app).await?;
    let templates = Templates::open(&target, Arc::clone(&app.clock)).await?;
    let (action, template) = match command {
        TemplateCommand::List => {
            let templates = templates.list().await?;
            return Ok(Output::report(Listed { templates }));
        }
        TemplateCommand::Save(args) => ("seed.template.save", templates.save(&args.name).await?),
        TemplateCommand::Drop(args) => ("seed.template.drop", templates.drop(&args.name).await?),
    };
    audit(&target, action, json!({ "template": template.name })).await?;
    Ok(Output::report(Listed {
        templates: vec![template],
    }))
}

async fn allowed(app: &App) -> Result<Target> {
    let config = app.config()?;
    let environment = config.environment(app.globals.env.as_deref())?;
    refuse(&environment.name, environment.tier, app.globals.yes)?;
    app.target(&config).await
}
