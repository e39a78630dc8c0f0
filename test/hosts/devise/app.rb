# A Rails application with users of Devise: ruby app.rb, with DATABASE_URL and PORT, and PEPPER where it has one.
ENV["RAILS_ENV"] = "production"
require "rails"
require "active_record/railtie"
require "action_controller/railtie"
require "devise"
require "webrick"
require "rack/handler/webrick"

class Application < Rails::Application
  config.load_defaults 6.1
  config.root = __dir__
  config.paths["config/database"] = []
  config.eager_load = false
  config.secret_key_base = "a secret of the test" * 8
  config.hosts.clear
  config.logger = Logger.new($stderr, level: Logger::ERROR)
  config.log_level = :error
  config.action_controller.default_protect_from_forgery = false # no browser asks
end

# As `rails generate devise:install` and `rails generate devise User` make it, as far as it is needed.
Devise.setup do |config|
  require "devise/orm/active_record"
  config.mailer_sender = "host@example.com"
  config.stretches = 5
  config.pepper = ENV["PEPPER"]
  config.navigational_formats = []
end

ActiveRecord::Base.establish_connection(ENV.fetch("DATABASE_URL"))
ActiveRecord::Schema.verbose = false
ActiveRecord::Schema.define do
  create_table :users do |t|
    t.string :email, null: false, default: ""
    t.string :encrypted_password, null: false, default: ""
    t.string :reset_password_token
    t.datetime :reset_password_sent_at
    t.datetime :remember_created_at
    t.timestamps null: false
    t.index :email, unique: true
    t.index :reset_password_token, unique: true
  end
end

class User < ActiveRecord::Base
  devise :database_authenticatable, :registerable, :recoverable, :rememberable
end

# Before all others, so that Devise knows of them when the first set of routes is complete.
Application.routes.prepend do
  devise_for :users, defaults: { format: :json }
  root to: "me#show"
  get "me", to: "me#show", defaults: { format: :json }
end

Application.initialize!

class ApplicationController < ActionController::Base
  respond_to :json
end

class MeController < ApplicationController
  before_action :authenticate_user!

  def show
    render json: {}
  end
end

Rack::Handler::WEBrick.run(
  Application, Host: "127.0.0.1", Port: ENV.fetch("PORT").to_i, AccessLog: [], Logger: WEBrick::Log.new(nil, 0)
)
